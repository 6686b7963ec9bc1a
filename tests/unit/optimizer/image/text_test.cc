#include "optimizer/image/text.h"

#include <doctest/doctest.h>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

using namespace std::string_literals;

namespace {

std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

bool is_refused(std::string_view text) { return std::holds_alternative<Refusal>(check_text(text)); }

}  // namespace

TEST_CASE("texts of every script pass unchanged") {
  for (const std::string& text : {"NWS"s, "Größe"s, "© 2026"s, "שלום"s, "日本語"s, "🌊🚢"s, "\U0010FFFF"s}) {
    const auto checked = check_text(text);
    REQUIRE(std::holds_alternative<std::string>(checked));
    CHECK(std::get<std::string>(checked) == text);
  }
}

TEST_CASE("bytes that are not UTF-8 are refused") {
  for (const std::string& text : {"\xFF"s, "a\x80"s, "\xC3"s, "\xC3("s, "\xC0\xAF"s, "\xE0\x80\xAF"s, "\xED\xA0\x80"s,
                                  "\xF0\x80\x80\xAF"s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xE2\x82"s}) {
    CHECK(is_refused(text));
  }
}

TEST_CASE("two hundred characters are enough, however many bytes they have") {
  CHECK_FALSE(is_refused(repeated("x", 200)));
  CHECK_FALSE(is_refused(repeated("🌊", 200)));
  CHECK(is_refused(repeated("x", 201)));
  CHECK(is_refused(repeated("🌊", 201)));
  CHECK(is_refused(repeated("x", 1'000'000)));
}

TEST_CASE("a text without visible characters is refused") {
  for (const std::string& text : {""s, " "s, "\n\t \r"s, "\u00A0\u3000\u2003"s, "\u200B"s}) CHECK(is_refused(text));
}

TEST_CASE("line breaks are kept, and other control characters are refused") {
  CHECK(std::get<std::string>(check_text("a\tb\r\nc\u2028d")) == "a b\nc\nd");
  CHECK(std::get<std::string>(check_text("\n\na\r\r\n\nb\n")) == "a\nb");
  for (const std::string& text : {"a\0b"s, "\x1B[31m"s, "\x7F"s, "\u0085"s, "a\u009Fb"s}) CHECK(is_refused(text));
}

TEST_CASE("markup is drawn literally") {
  CHECK(escape_markup(R"(<b>&amp; "it's"</b>)") == "&lt;b&gt;&amp;amp; &quot;it&#39;s&quot;&lt;/b&gt;");
  const std::string png = to_png(gradient(600, 400));
  const std::string plain = picture(png, options("NWS")).bytes;
  CHECK(picture(png, options("<span size='1'>NWS</span>")).bytes != plain);
  CHECK(picture(png, options("<span foreground='red'>NWS</span>")).bytes != plain);
}

TEST_CASE("two lines are drawn one above the other") {
  const std::string png = to_png(gradient(600, 400));
  const vips::VImage before = gradient(600, 400);
  const vips::VImage one = read(picture(png, options("NWS NWS", Position::center)).bytes);
  const vips::VImage two = read(picture(png, options("NWS\r\nNWS", Position::center)).bytes);
  const auto changed_at = [&](const vips::VImage& after, int y) {
    return difference(before, after, 0, y, 600, 1) > 60;
  };
  CHECK_FALSE(changed_at(one, 200 - 22));
  CHECK(changed_at(two, 200 - 22));
  CHECK(changed_at(two, 200 + 14));
}

TEST_CASE("hostile texts are drawn inside the picture") {
  const std::string png = to_png(gradient(600, 400));
  const std::string hostile[] = {"<b>",
                                 "</span>",
                                 "&",
                                 "&#0;",
                                 "<!--",
                                 "<![CDATA[",
                                 "%s%n%d",
                                 "\\0",
                                 "A & B < C",
                                 "\u202Eevil\u202C",
                                 "مرحبا بالعالم",
                                 "🌊🏴‍☠️👩‍👩‍👧",
                                 repeated("W", 200),
                                 repeated("W ", 100),
                                 repeated("日", 200),
                                 repeated("x\n", 100),
                                 "Z" + repeated("\u0301", 199),
                                 repeated("\U000E0001", 199) + "x"};
  for (const std::string& text : hostile) {
    CAPTURE(text);
    for (const Position position : {Position::bottom_right, Position::center, Position::tiled}) {
      const Picture result = picture(png, options(text, position));
      CHECK(result.width == 600);
      CHECK(result.height == 400);
    }
  }
}

TEST_CASE("a long text leaves most of the image free") {
  const vips::VImage before = gradient(600, 400);
  const vips::VImage after = read(picture(to_png(before), options(repeated("word ", 40))).bytes);
  CHECK(difference(before, after, 0, 0, 600, 200) == 0);
}

TEST_CASE("an invalid text is refused before the image is read") {
  CHECK(refusal("not an image", options("\xFF")).status == 400);
  CHECK(refusal("not an image", options("")).status == 400);
}

}  // namespace tidegate::optimizer::test
