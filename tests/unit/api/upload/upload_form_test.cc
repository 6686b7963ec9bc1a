// Forms of real clients, hostile forms, and forms split in any way.
#include "api/upload/upload_form.h"

#include <doctest/doctest.h>

#include <vector>

#include "unit/api/picture/sample_pictures.h"
#include "unit/api/upload/form_transcript.h"

namespace tidegate::api::test {

namespace {

std::string part(std::string_view parameters, std::string_view data, std::string_view more = "") {
  return "--b\r\nContent-Disposition: form-data; " + std::string(parameters) + "\r\n" + std::string(more) + "\r\n" +
         std::string(data) + "\r\n";
}
std::string text_part() { return part("name=\"wm_text\"", "NWS"); }
std::string image_part(std::string_view filename) {
  return part("name=\"image\"; filename=" + std::string(filename), png(), "Content-Type: image/png\r\n");
}

// The error of a body; "": the form is accepted.
std::string said_of(const std::string& body) {
  const std::string out = read_form(body, whole);
  return out.starts_with("{") ? out : "";
}

}  // namespace

TEST_CASE("file names of browsers and programs are accepted and not used") {
  const std::string key = key_of(png(), "NWS", "bottom-right");
  for (const char* name : {"\"photo.png\"", "\"caf\xC3\xA9 \xF0\x9F\x8C\x8A.png\"",  // Chromium, Firefox: raw UTF-8
                           "\"a%22b.png\"", "\"a%0D%0Ab.png\"",                      // the escapes that HTML requires
                           "\"a\\\"b.png\"",                                         // curl before 7.81
                           "\"blob\"", "\"\"", "photo.png", "\"..\"", "\"a;b=c.png\""}) {
    CAPTURE(name);
    CHECK(read_form(image_part(name) + text_part() + "--b--\r\n", whole) == key + " NWS bottom-right");
  }
  // A part without a type, one with a charset, and the parts in any order.
  CHECK(said_of(part("name=wm_text", "NWS", "Content-Type: text/plain; charset=utf-8\r\n") + image_part("\"x\"") +
                part("name=\"wm_position\"", "") + "--b--") == "");
}

TEST_CASE("boundaries of browsers and programs are accepted") {
  for (const char* boundary :
       {"----WebKitFormBoundary7MA4YWxkTrZu0gW", "---------------------------9051914041544843365972754266",
        "----geckoformboundaryc80b8a3a1a2b4e2d6b1f3f1c2c5b2d7a", "------------------------d74496d66958873e",
        "0123456789abcdef0123456789abcdef"}) {
    CHECK(parse_boundary("multipart/form-data; boundary=" + std::string(boundary)).value == boundary);
  }
}

TEST_CASE("forms of .NET's HttpClient are accepted") {
  CHECK(parse_boundary("multipart/form-data; boundary=\"5ef4a5a8-8a2a-4f3c-9e3a-2f1f0c1c7f2b\"").value ==
        "5ef4a5a8-8a2a-4f3c-9e3a-2f1f0c1c7f2b");
  const std::string text =
      "--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Disposition: form-data; name=wm_text\r\n\r\nNWS\r\n";
  for (const char* file :
       {"filename=photo.png; filename*=utf-8''photo.png", "filename=\"a b.png\"; filename*=utf-8''a%20b.png",
        "filename=\"=?utf-8?B?w6kvPz8/Lz8ucG5n?=\"; filename*=utf-8''caf%C3%A9.png",
        "filename=\"=?utf-8?B?w6kvPz8/Lz8ucG5n?=\"", "filename*=utf-8''photo.png"}) {
    CAPTURE(file);
    const std::string form = text + part("name=image; " + std::string(file), png()) + "--b--\r\n";
    CHECK(read_form(form, whole) == key_of(png(), "NWS", "bottom-right") + " NWS bottom-right");
  }
}

TEST_CASE("hostile forms are refused with a sentence") {
  const std::string text = text_part();
  const std::string end = "--b--\r\n";
  const std::pair<std::string, const char*> cases[] = {
      {image_part("\"../../etc/passwd\"") + text + end, "contains a path"},
      {image_part("\"C:\\photo.png\"") + text + end, "contains a path"},
      {part("name=\"image\"; filename=\"x\"; filename*=UTF-8''..%2Fy", png()) + text + end, "contains a path"},
      {part("name=\"image\"; filename=\"x\"; filename*=UTF-8''%zz", png()) + text + end, "filename*"},
      {part("name=\"image\"", "--c\r\n\r\n--c--", "Content-Type: multipart/mixed; boundary=c\r\n") + text + end,
       "itself multipart"},
      {part("name=\"wm_text\"", "x", "content-type: Multipart/Related\r\n") + end, "itself multipart"},
      {part(std::string("name=\"image\0\"", 13), png()) + text + end, "invalid header line"},
      {part("name=\"image%00\"", png()) + text + end, "unknown part"},
      {image_part("\"x\"") + image_part("\"x\""), "twice"},
      {text + part("name=\"wm_text\"", std::string(10'000'000, 'x')), "wm_text twice"},
      {part("name=\"wm_text\"", std::string(10'000'000, 'x')), "too long"},
      {part("name=\"image\"; filename=\"" + std::string(1 << 20, 'x') + "\"", ""), "headers of a part are longer"},
      {image_part("\"x\"") + text, "before its last boundary"},
      {"--b--", "no parts"},
  };
  for (const auto& [body, words] : cases) {
    CAPTURE(words);
    CHECK(said_of(body).find(words) != std::string::npos);
    CHECK(read_form(body, uneven(1, 10'000)) == read_form(body, whole));
  }
}

TEST_CASE("ten thousand parts are refused at the first unknown one") {
  std::string body;
  for (int i = 0; i < 10'000; ++i) body += part("name=\"f" + std::to_string(i) + "\"", "x");
  CHECK(said_of(body + "--b--").find("unknown part") != std::string::npos);
  std::string parts = read_parts(body + "--b--", whole);
  CHECK(parts.ends_with("The form has more than 8 parts."));
}

TEST_CASE("forms split at random give the same result") {
  uint32_t seed = 7;
  const auto roll = [&seed](uint32_t sides) { return (seed = seed * 1664525 + 1013904223) % 65536 % sides; };
  const std::vector<std::string> lumps = {"\r\n",
                                          "--b",
                                          "--",
                                          "\r\n--b\r\n",
                                          "\r\n--b--\r\n",
                                          "Content-Disposition: form-data; name=",
                                          "image",
                                          "x",
                                          "\r",
                                          "\n",
                                          "\r\n\r\n",
                                          "--b\r\nContent-Disposition: form-data; ",
                                          "\r\n-",
                                          "--bb",
                                          "--b \t\r\n",
                                          "; filename*=utf-8''%41%",
                                          "preamble",
                                          "wm_text",
                                          "; filename=\"a\"",
                                          png(),
                                          text_part(),
                                          image_part("\"x\""),
                                          "--b--"};
  for (int round = 0; round < 3000; ++round) {
    CAPTURE(round);
    std::string body = roll(4) == 0 ? "" : image_part("\"x\"");
    for (uint32_t n = roll(8); n > 0; --n) body += lumps[roll(static_cast<uint32_t>(lumps.size()))];
    if (roll(2) == 0) body += "--b--\r\n";
    const std::string parts = read_parts(body, whole);
    const std::string form = read_form(body, whole);
    CHECK(read_parts(body, single) == parts);
    CHECK(read_form(body, single) == form);
    CHECK(read_parts(body, uneven(seed, 1 + roll(40))) == parts);
    CHECK(read_form(body, uneven(seed, 1 + roll(40))) == form);
  }
}

}  // namespace tidegate::api::test
