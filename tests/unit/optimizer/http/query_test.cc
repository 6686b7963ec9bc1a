#include "optimizer/http/query.h"

#include <doctest/doctest.h>

#include "optimizer/http/faults.h"

namespace tidegate::optimizer {

namespace {

Expected<WatermarkOptions> options_of(std::string_view query) {
  const auto parsed = Query::parse(query);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) return *refusal;
  return parse_options(std::get<Query>(parsed));
}

std::string detail_of(std::string_view query) {
  const auto options = options_of(query);
  REQUIRE_MESSAGE(std::holds_alternative<Refusal>(options), query);
  CHECK(std::get<Refusal>(options).status == 400);
  return std::get<Refusal>(options).detail;
}

Fault fault_of(std::string_view text) {
  const auto fault = parse_fault(text);
  REQUIRE(std::holds_alternative<Fault>(fault));
  return std::get<Fault>(fault);
}

}  // namespace

TEST_CASE("a query is decoded into options") {
  const auto options = std::get<WatermarkOptions>(
      options_of("text=a%20b%2B+%C3%BC%26&position=top-left&max_width=800&quality=70&format=webp&opacity=0.5"));
  CHECK(options.text == "a b+ ü&");
  CHECK(options.position == Position::top_left);
  CHECK(options.max_width == 800);
  CHECK(options.quality == 70);
  CHECK(options.format == ImageFormat::webp);
  CHECK(options.opacity == 0.5);
}

TEST_CASE("opacity is a number or a percentage") {
  for (const auto& [text, opacity] : {std::pair{"0.05", 0.05}, std::pair{"1", 1.0}, std::pair{"5%25", 0.05},
                                      std::pair{"50%25", 0.5}, std::pair{"100%25", 1.0}, std::pair{"12.5%25", 0.125}}) {
    CHECK(std::get<WatermarkOptions>(options_of("text=a&opacity=" + std::string(text))).opacity == opacity);
  }
}

TEST_CASE("only the text is required") {
  const auto options = std::get<WatermarkOptions>(options_of("text=NWS"));
  CHECK(options.position == Position::bottom_right);
  CHECK(options.quality == 85);
  CHECK_FALSE(options.max_width);
  CHECK_FALSE(options.format);
  CHECK_FALSE(options.opacity);
}

TEST_CASE("empty pairs are ignored") { CHECK(std::get<WatermarkOptions>(options_of("&&text=a&")).text == "a"); }

TEST_CASE("an invalid option is named") {
  CHECK(detail_of("").find("text") == 0);
  CHECK(detail_of("text=").find("text") == 0);
  CHECK(detail_of("text=%FF").find("text") == 0);
  CHECK(detail_of("text=%00").find("text") == 0);
  CHECK(detail_of("text=a&position=middle").find("position \"middle\"") == 0);
  CHECK(detail_of("text=a&position=").find("position") == 0);
  CHECK(detail_of("text=a&format=gif").find("format \"gif\"") == 0);
  for (const char* bad : {"0", "101", "-1", "80.5", "", "1e2", "80x", "99999999999999999999", "%2B80"}) {
    CHECK(detail_of("text=a&quality=" + std::string(bad)).find("quality") == 0);
  }
  for (const char* bad : {"15", "16385", "", "800px"}) {
    CHECK(detail_of("text=a&max_width=" + std::string(bad)).find("max_width") == 0);
  }
  for (const char* bad : {"0", "1.1", "", "nan", "inf", "0.5x", "%25", "101%25", "4%25", "50%25%25", "-0.5"}) {
    CHECK(detail_of("text=a&opacity=" + std::string(bad)).find("opacity") == 0);
  }
}

TEST_CASE("an unknown, duplicate or undecodable option is refused") {
  CHECK(detail_of("text=a&qualty=80").find("qualty") != std::string::npos);
  CHECK(detail_of("text=a&text=b").find("twice") != std::string::npos);
  for (const char* bad : {"text=%", "text=%2", "text=%zz", "text=a%2", "%4=a"}) {
    CHECK(detail_of(bad).find("percent") != std::string::npos);
  }
}

TEST_CASE("an invalid value is shown shortened and without control characters") {
  const std::string detail = detail_of("text=a&position=%0d%0aX-Evil:%201" + std::string(5000, 'x'));
  CHECK(detail.size() < 200);
  CHECK(detail.find_first_of("\r\n") == std::string::npos);
}

TEST_CASE("faults are parsed from the command line") {
  CHECK(fault_of("none").mode == FaultMode::none);
  CHECK(fault_of("slow").delay == 2s);
  CHECK(fault_of("slow:150").delay == 150ms);
  CHECK(fault_of("error").status == 503);
  CHECK(fault_of("error:500").status == 500);
  CHECK(fault_of("hang").mode == FaultMode::hang);
  CHECK(fault_of("down").mode == FaultMode::down);
  for (const char* bad : {"", "sloww", "slow:", "slow:0", "slow:x", "slow:600001", "error:399", "error:600", "hang:5",
                          "none:1", "slow:1:2"}) {
    CHECK(std::holds_alternative<Refusal>(parse_fault(bad)));
  }
}

TEST_CASE("faults are parsed from a query and rendered as JSON") {
  const auto read = [](std::string_view query) { return fault_from_query(std::get<Query>(Query::parse(query))); };
  CHECK(to_json(std::get<Fault>(read("mode=slow&ms=2500"))) == R"({"mode":"slow","ms":2500})");
  CHECK(to_json(std::get<Fault>(read("mode=error&status=500"))) == R"({"mode":"error","status":500})");
  const Fault one = std::get<Fault>(read("mode=error&status=500&text=bad%20one"));
  CHECK(to_json(one) == R"({"mode":"error","status":500,"text":"bad one"})");
  CHECK(one.meets("bad one"));
  CHECK(!one.meets("bad"));
  CHECK(to_json(std::get<Fault>(read("mode=none"))) == R"({"mode":"none"})");
  for (const char* bad : {"", "mode=", "mode=fire", "mode=hang&ms=5", "mode=slow&status=500", "mode=slow&ms=-1",
                          "mode=error&status=200", "mode=slow&seconds=2", "mode=none&text=x", "mode=down&text=x"}) {
    CHECK(std::holds_alternative<Refusal>(read(bad)));
  }
}

}  // namespace tidegate::optimizer
