#include "api/upload/multipart.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace tidegate::api::test {

namespace {

struct Collected final : PartSink {
  struct Part {
    PartHeaders head;
    std::string data;
    bool ended = false;
  };
  std::vector<Part> parts;
  std::string refuse_name;

  Complaint on_part(const PartHeaders& head) override {
    if (head.name == refuse_name) return "not this one";
    parts.push_back({head, "", false});
    return std::nullopt;
  }
  Complaint on_part_data(std::string_view piece) override {
    CHECK_FALSE(piece.empty());
    parts.back().data += piece;
    return std::nullopt;
  }
  Complaint on_part_end() override {
    parts.back().ended = true;
    return std::nullopt;
  }
};

// The first error, or nothing.
Complaint parse(const std::vector<std::string_view>& pieces, Collected* sink, const MultipartLimits& limits = {}) {
  MultipartParser parser("bound", limits, *sink);
  for (const std::string_view piece : pieces) {
    if (auto complaint = parser.feed(piece)) return complaint;
  }
  return parser.finish();
}

Complaint parse_one(std::string_view body, const MultipartLimits& limits = {}) {
  Collected sink;
  return parse({body}, &sink, limits);
}

std::string part(std::string_view name, std::string_view data) {
  return "--bound\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(data) +
         "\r\n";
}

// Everything that looks like a boundary and is not.
const std::string kTricky = "\r\n--boun\r\n\r\n-- bound\r--bound\n--bound\r\n-\r\n--";

std::string good_form() {
  return "--bound\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"\r\n"
         "content-type:  image/png \r\n\r\n" +
         kTricky + "\r\n" + part("wm_text", "") + part("wm_position", "center") + "--bound--\r\n";
}

void check_good(const Collected& sink) {
  REQUIRE(sink.parts.size() == 3);
  CHECK(sink.parts[0].head.name == "image");
  CHECK(sink.parts[0].head.filename == "a \"b\".png");
  CHECK(sink.parts[0].head.content_type == "image/png");
  CHECK(sink.parts[0].data == kTricky);
  CHECK(sink.parts[1].head.name == "wm_text");
  CHECK_FALSE(sink.parts[1].head.filename.has_value());
  CHECK(sink.parts[1].data.empty());
  CHECK(sink.parts[2].data == "center");
  for (const auto& each : sink.parts) CHECK(each.ended);
}

}  // namespace

TEST_CASE("the parts of a form are parsed with their names and data") {
  Collected sink;
  CHECK_FALSE(parse({good_form()}, &sink).has_value());
  check_good(sink);
}

TEST_CASE("a form may be split anywhere") {
  const std::string form = good_form();
  for (size_t cut = 0; cut <= form.size(); ++cut) {
    CAPTURE(cut);
    Collected sink;
    CHECK_FALSE(parse({std::string_view(form).substr(0, cut), std::string_view(form).substr(cut)}, &sink).has_value());
    check_good(sink);
  }
  std::vector<std::string_view> bytes;
  for (const char& c : form) bytes.emplace_back(&c, 1);
  Collected sink;
  CHECK_FALSE(parse(bytes, &sink).has_value());
  check_good(sink);
}

TEST_CASE("a truncated form is malformed wherever it ends") {
  const std::string form = good_form();
  for (size_t length = 0; length < form.size() - 2; ++length) {
    CAPTURE(length);
    CHECK(parse_one(form.substr(0, length)) == "The form ends before its last boundary.");
  }
  CHECK_FALSE(parse_one(form.substr(0, form.size() - 2)).has_value());  // the last line end may be missing
}

TEST_CASE("malformed forms are refused with a reason") {
  const std::string head = "--bound\r\n";
  const std::string named = "Content-Disposition: form-data; name=\"a\"";
  const char no_beginning[] = "The form does not begin with its boundary, after at most 4096 other bytes.";
  struct Case {
    std::string body;
    const char* complaint;
  };
  const Case cases[] = {
      {"preamble" + part("a", "1"), no_beginning},
      {"--bounx\r\n", no_beginning},
      {"\r\n--boun", no_beginning},
      {"\n" + part("a", "1"), no_beginning},
      {"--bound--\r\n", "The form has no parts."},
      {"--bound \n" + named, "A boundary is not followed by a line end."},
      {"--bound \v\r\n" + named, "A boundary is not followed by a line end."},
      {"--bound \r" + named, "A boundary is not followed by a line end."},
      {part("a", "1") + "--bound --\r\n", "A boundary is not followed by a line end."},
      {"--bound\n" + named, "A boundary is not followed by a line end."},
      {part("a", "1") + "--boundary\r\n", "A boundary is not followed by a line end."},
      {part("a", "1") + "--bound-x", "A boundary is not followed by a line end."},
      {part("a", "1") + "--bound--x", "Something follows the form's last boundary on its line."},
      {part("a", "1") + "--bound-- \t x", "Something follows the form's last boundary on its line."},
      {part("a", "1") + "--bound--\n", "Something follows the form's last boundary on its line."},
      {part("a", "1") + "--bound--\r", "The form ends before its last boundary."},
      {head + "\r\nx\r\n--bound--", "A part has no Content-Disposition."},
      {head + "Content-Type: text/plain\r\n\r\nx\r\n--bound--", "A part has no Content-Disposition."},
      {head + named + "\r\n" + named + "\r\n\r\n", "A part has two Content-Disposition fields."},
      {head + "Content-Disposition: attachment; name=a\r\n\r\n", "A part's Content-Disposition is not form-data."},
      {head + "Content-Disposition: form-data; name=\"a\r\n\r\n", "A part's Content-Disposition is not form-data."},
      {head + "Content-Disposition: form-data; name=a; name=b\r\n\r\n",
       "A part's Content-Disposition is not form-data."},
      {head + "Content-Disposition: form-data; name\r\n\r\n", "A part's Content-Disposition is not form-data."},
      {head + "Content-Disposition: form-data name=a\r\n\r\n", "A part's Content-Disposition is not form-data."},
      {head + "Content-Disposition: form-data\r\n\r\n", "A part has no name."},
      {head + "Content-Disposition: form-data; name=\"\"\r\n\r\n", "A part has no name."},
      {head + named + "\r\n folded: x\r\n\r\n", "A part has an invalid header line."},
      {head + named + "\r\nno colon\r\n\r\n", "A part has an invalid header line."},
      {head + named + "\r\n: x\r\n\r\n", "A part has an invalid header line."},
      {head + named + "\nX: y\r\n\r\n", "A part has an invalid header line."},
      {head + named + std::string("\0", 1) + "\r\n\r\n", "A part has an invalid header line."},
      {head + named + "\r\nContent-Transfer-Encoding: base64\r\n\r\n",
       "A part has a Content-Transfer-Encoding; send form data without one."},
      {head + named + "; filename*=photo.png\r\n\r\n", "A part's filename* is not valid."},
      {head + named + "; filename*=utf-8'photo.png\r\n\r\n", "A part's filename* is not valid."},
      {head + named + "; filename*=''photo.png\r\n\r\n", "A part's filename* is not valid."},
      {head + named + "; filename*=utf-8''%C3%A\r\n\r\n", "A part's filename* is not valid."},
      {head + named + "; filename*=utf-8''a; filename*=utf-8''b\r\n\r\n",
       "A part's Content-Disposition is not form-data."},
  };
  for (const Case& each : cases) {
    CAPTURE(each.body);
    CHECK(parse_one(each.body) == each.complaint);
    Collected sink;
    std::vector<std::string_view> bytes;
    for (const char& c : each.body) bytes.emplace_back(&c, 1);
    CHECK(parse(bytes, &sink) == each.complaint);
  }
}

TEST_CASE("the number of parts and the size of their headers are limited, however the form is split") {
  MultipartLimits limits;
  limits.parts = 2;
  CHECK_FALSE(parse_one(part("a", "") + part("b", "") + "--bound--", limits).has_value());
  CHECK(parse_one(part("a", "") + part("b", "") + part("c", ""), limits) == "The form has more than 2 parts.");

  const std::string line = "Content-Disposition: form-data; name=a";
  const std::string form = "--bound\r\n" + line + "\r\n\r\nx\r\n--bound--";
  for (const size_t spare : {0u, 1u}) {
    limits.part_headers_bytes = line.size() + 2 - spare;
    CHECK(parse_one(form, limits).has_value() == (spare == 1));
    Collected sink;
    std::vector<std::string_view> bytes;
    for (const char& c : form) bytes.emplace_back(&c, 1);
    CHECK(parse(bytes, &sink, limits).has_value() == (spare == 1));
  }
  limits.part_headers_bytes = 100;
  CHECK(parse_one("--bound\r\n" + std::string(200, 'x'), limits) == "The headers of a part are longer than 100 bytes.");
}

TEST_CASE("a preamble, an epilogue and blanks after a boundary are ignored, wherever the form is split") {
  std::string padded = "\r\n" + good_form();
  for (size_t at = 0; (at = padded.find("\r\n--bound\r\n", at)) != std::string::npos;) padded.insert(at + 9, " \t ");
  padded.insert(padded.size() - 2, "\t");
  for (const std::string& form :
       {"\r\n" + good_form(), "This is a message in MIME format.\r\n-- bound\r\n" + good_form(), good_form() + "\r\n",
        good_form() + "epilogue\r\n--bound\r\nof any kind\r\n--bound--", padded, "--boun\r\n" + padded + "more",
        padded.substr(0, padded.size() - 2)}) {
    for (size_t cut = 0; cut <= form.size(); ++cut) {
      CAPTURE(cut);
      Collected sink;
      CHECK_FALSE(
          parse({std::string_view(form).substr(0, cut), std::string_view(form).substr(cut)}, &sink).has_value());
      check_good(sink);
    }
  }
}

TEST_CASE("what is ignored has a limit, however the form is split") {
  MultipartLimits limits;
  limits.ignored_bytes = 10;
  const std::string one = part("a", "1");
  const std::string end = "--bound--";
  const auto at_limit = [&](size_t bytes) {
    return std::vector<std::string>{std::string(bytes - 2, 'x') + "\r\n" + one + end,
                                    "--bound" + std::string(bytes, ' ') + one.substr(7) + end,
                                    one + end + std::string(bytes, '\t'), one + end + "\r\n" + std::string(bytes, 'x')};
  };
  for (const size_t excess : {0u, 1u}) {
    for (const std::string& form : at_limit(limits.ignored_bytes + excess)) {
      CAPTURE(form);
      CHECK(parse_one(form, limits).has_value() == (excess == 1));
      Collected sink;
      std::vector<std::string_view> bytes;
      for (const char& c : form) bytes.emplace_back(&c, 1);
      CHECK(parse(bytes, &sink, limits).has_value() == (excess == 1));
    }
  }
}

TEST_CASE("filename* is decoded, and replaces filename") {
  const auto filename_of = [](const std::string& parameters) {
    Collected sink;
    const std::string head = "--bound\r\nContent-Disposition: form-data; name=a" + parameters + "\r\n\r\n";
    CHECK(parse({head + "\r\n--bound--"}, &sink) == std::nullopt);
    return sink.parts.at(0).head.filename.value_or("none");
  };
  CHECK(filename_of("; filename*=utf-8''caf%C3%A9%20%2B.png") == "caf\xC3\xA9 +.png");
  CHECK(filename_of("; filename=x.png; filename*=UTF-8'en'y.png") == "y.png");
  CHECK(filename_of("; filename*=\"utf-8''y.png\"; filename=x.png") == "y.png");
  CHECK(filename_of("; filename*=iso-8859-1''") == "");
  CHECK(filename_of("; filename=x.png") == "x.png");
}

TEST_CASE("an error of the sink ends the parsing") {
  Collected sink;
  sink.refuse_name = "b";
  CHECK(parse({part("a", "1") + part("b", "2") + "--bound--"}, &sink) == "not this one");
  CHECK(sink.parts.size() == 1);
}

TEST_CASE("the boundary is taken from the Content-Type") {
  CHECK(parse_boundary("multipart/form-data; boundary=abc").value == "abc");
  CHECK(parse_boundary("Multipart/Form-Data;BOUNDARY=\"a b\"; charset=utf-8").value == "a b");
  CHECK(parse_boundary("multipart/form-data; boundary=" + std::string(70, 'x')).value.size() == 70);
  const char* wrong[] = {"",
                         "text/plain; boundary=abc",
                         "multipart/mixed; boundary=abc",
                         "multipart/form-data",
                         "multipart/form-data; boundary=",
                         "multipart/form-data; boundary=\"\"",
                         "multipart/form-data; boundary=\"abc ",
                         "multipart/form-data; boundary=\"abc \"",
                         "multipart/form-data; boundary=a; boundary=b",
                         "multipart/form-data; boundary=a{b"};
  for (const char* each : wrong) {
    CAPTURE(each);
    CHECK(parse_boundary(each).complaint.has_value());
  }
  CHECK(parse_boundary("multipart/form-data; boundary=" + std::string(71, 'x')).complaint.has_value());
}

}  // namespace tidegate::api::test
