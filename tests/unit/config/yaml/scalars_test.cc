#include "config/yaml/scalars.h"

#include <doctest/doctest.h>

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("a duration is whole numbers with units, from large to small") {
  struct Row {
    const char* text;
    Duration is;
  };
  for (const Row& row : {Row{"30s", 30s}, Row{"100ms", 100ms}, Row{"5m", 5min}, Row{"24h", 24h}, Row{"1h30m", 90min},
                         Row{"0s", 0s}, Row{"1m1s1ms", 61001ms}, Row{"8784h", 8784h}}) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == row.is);
    CHECK(*parse_duration(show_duration(row.is)) == row.is);
  }
}

TEST_CASE("an invalid duration is an error that says why") {
  struct Row {
    const char* text;
    const char* why;
  };
  for (const Row& row :
       {Row{"30", "`30` has no unit; write `30s`"}, Row{"0", "`0` has no unit; write `0s`"},
        Row{"1000", "`1000` has no unit; write `1000ms` or `1000s`"}, Row{"", "`` is not a duration such as `30s`"},
        Row{"s", "`s` is not a duration such as `30s`"}, Row{"-1s", "`-1s` is not a duration such as `30s`"},
        Row{"1.5s", "`1.5s` is not a duration such as `30s`; units are h, m, s, ms"},
        Row{"1 s", "`1 s` is not a duration such as `30s`; units are h, m, s, ms"},
        Row{"7d", "`7d` is not a duration such as `30s`; units are h, m, s, ms"},
        Row{"1h30", "`1h30` is not a duration such as `30s`; units are h, m, s, ms"},
        Row{"30m1h", "`30m1h` is not a duration: write large units first, each once"},
        Row{"1s1s", "`1s1s` is not a duration: write large units first, each once"},
        Row{"8785h", "`8785h` is longer than a year"},
        Row{"99999999999999999999s", "`99999999999999999999s` is longer than a year"},
        Row{"8784h1ms", "`8784h1ms` is longer than a year"}}) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.error().message == row.why);
  }
}

TEST_CASE("a size is a whole number with a binary unit") {
  CHECK(*parse_size("0B") == 0);
  CHECK(*parse_size("32KiB") == 32768);
  CHECK(*parse_size("10MiB") == 10485760);
  CHECK(*parse_size("10GiB") == 10737418240);
  CHECK(*parse_size("1024TiB") == 1ull << 50);
  CHECK(show_size(10737418240) == "10GiB");
  CHECK(show_size(1025) == "1025B");
  CHECK(parse_size("1048576").error().message ==
        "`1048576` has no unit; write `1048576B` or another of B, KiB, MiB, GiB, TiB");
  CHECK(parse_size("10").error().message == "`10` has no unit; write `10MiB` or another of B, KiB, MiB, GiB, TiB");
  CHECK(parse_size("10MB").error().message == "`10MB` is not a size such as `10MiB`; units are B, KiB, MiB, GiB, TiB");
  CHECK(parse_size("MiB").error().message == "`MiB` is not a size such as `10MiB`");
  CHECK(parse_size("1025TiB").error().message == "`1025TiB` is larger than 1024TiB");
  CHECK(parse_size("99999999999999999999B").error().message == "`99999999999999999999B` is larger than 1024TiB");
}

TEST_CASE("a rate is a count per period") {
  CHECK(parse_rate("10/s")->per_second() == 10);
  CHECK(parse_rate("100/60s")->per_second() == doctest::Approx(100.0 / 60));
  CHECK(parse_rate("5/m")->per_second() == doctest::Approx(5.0 / 60));
  CHECK(parse_rate("1/h")->per_second() == doctest::Approx(1.0 / 3600));
  CHECK(parse_rate("3/1m30s")->per_second() == doctest::Approx(3.0 / 90));
  for (const char* bad :
       {"10", "0/s", "-1/s", "1.5/s", "10/", "10/0s", "10/60", "/s", "10/s/s", "10/d", "2000000000/s"}) {
    CAPTURE(bad);
    CHECK(!parse_rate(bad).ok());
  }
}

TEST_CASE("a whole number has no leading zero, which YAML 1.1 reads as octal") {
  CHECK(*parse_integer("0") == 0);
  CHECK(*parse_integer("-5") == -5);
  CHECK(parse_integer("010").error().message == "`010` has a leading zero; write `10`");
  for (const char* bad : {"", "-", "+1", "1e3", "0x10", "1_000", "1.0", " 1", "99999999999999999999", "--1"}) {
    CAPTURE(bad);
    CHECK(!parse_integer(bad).ok());
  }
}

TEST_CASE("a number is digits, optionally with a point between them") {
  CHECK(*parse_number("0.6") == 0.6);
  CHECK(*parse_number("3") == 3);
  for (const char* bad : {"", ".5", "5.", "1e3", "-1", "nan", ".inf", "inf", "0.6.1", "00.5", "0x1p3"}) {
    CAPTURE(bad);
    CHECK(!parse_number(bad).ok());
  }
}

TEST_CASE("suggestions contain close spellings only") {
  const std::vector<std::string_view> keys{"breaker", "bulkhead", "balance", "endpoints"};
  CHECK(nearest("breker", keys) == "breaker");
  CHECK(nearest("braeker", keys) == "breaker");
  CHECK(nearest("bulk_head", keys) == "bulkhead");
  CHECK(nearest("endpoint", keys) == "endpoints");
  CHECK(!nearest("timeout", keys));
  CHECK(!nearest(std::string(100000, 'b'), keys));
  CHECK(suggestion("timeout", keys) == "; one of: breaker, bulkhead, balance, endpoints");
}
