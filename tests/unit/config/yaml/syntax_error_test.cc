// What the YAML parser refuses, in words of the file.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

struct Row {
  std::string yaml;
  std::string error;
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.yaml);
    CHECK(errors_of(row.yaml) == "t.yaml:" + row.error);
  }
}

}  // namespace

TEST_CASE("a tab in the indentation is named where it is") {
  check_rows({{"log:\n\tlevel: info\n", "2:1: a tab in the indentation: use spaces"},
              {"log:\n  level: info\n \tformat: json\n", "3:2: a tab in the indentation: use spaces"},
              {"\tworkers: 1\n", "1:1: a tab in the indentation: use spaces"},
              {"log: {level: info}\n\t\n\t# one\nxx: {a: b\n", "4:5: a { that is not closed"}});
}

TEST_CASE("a bracket or a quote that is not closed is named where it is opened") {
  check_rows({
      {"a: [1, 2\n", "1:4: a [ that is not closed"},
      {"a: \"x\ny\"\nb: [1\n", "3:4: a [ that is not closed"},
      {"a: [1, 2\nb: 3\n", "1:4: a [ that is not closed"},
      {"a: {b: {c: 1}\nd: 1\n", "1:4: a { that is not closed"},
      {"routes:\n  - {name: r, match: {path: /x}\n  - {name: s}\n", "2:5: a { that is not closed"},
      {"a: [\n  {b: {c: 1},\n  {b: 2}\n]\n", "2:3: a { that is not closed"},
      {"a: {b: 1]\n", "1:9: a ] cannot close the { opened at 1:4"},
      {"a: [1]]\n", "1:7: a ] that closes nothing"},
      {"a: 1\n}\n", "2:1: a } that closes nothing"},
      {"a: b: c\nd: [1\n", "1:5: a second `: ` in one line: write a value that contains `: ` in quotes"},
      {"a: \"x\n", "1:4: a \" that is not closed"},
      {"a: {b: 'x\n", "1:8: a ' that is not closed"},
      {"a: 'x\nb: 'y'\nc: 3\n", "1:4: a ' that is not closed"},
      {"a: 1  # don't\nb: it's\nc: |\n  it's [\nd: [1\n", "5:4: a [ that is not closed"},
      {"log:\n  level: \"x\n  format: \"y\"\n", "2:10: a \" that is not closed"},
      {"a: \"one\n  two \\\"\n  three\"\nb: [1\n", "4:4: a [ that is not closed"},
      {"a: 'one\n\n  [two'\nb: \"x\n", "4:4: a \" that is not closed"},
      {"a: 'it''s'\nb: \"\\\"\"\nc: [1\n", "3:4: a [ that is not closed"},
  });
}

TEST_CASE("a line with the wrong indentation is named with the line above") {
  check_rows({
      {"workers: 1\n  log: {}\n", "2:3: this line is indented more than line 1, which has a value already"},
      {"log:\n  level: info\n    format: json\n",
       "3:5: this line is indented more than line 2, which has a value already"},
      {"log:\n    level: info\n  format: json\n",
       "3:3: this line is indented less than line 2, and fits no line above"},
      {"listeners:\n  - name: l\n   address: x\n",
       "3:4: this line is indented less than line 2, and fits no line above"},
      {"listeners:\n  - name: l\n     address: x\n",
       "3:6: this line is indented more than line 2, which has a value already"},
      {"listeners:\n- name: l\n  a: 1\n - name: m\n",
       "4:2: this line is indented less than line 3, and fits no line above"},
      {"\n  workers: 1\nlog: {}\n", "3:1: this line is indented less than line 2, the first"},
      {"a:\n  - b\n  c: d\n", "3:3: a key among the items of a list: indent it as the key of line 2"},
      {"a:\n  c: d\n  - b\n", "3:3: a list item among the keys of a section"},
      {"a: - b\n", "1:4: a list item must begin on a line of its own"},
  });
}

TEST_CASE("a line without its colon or the space after it is named") {
  check_rows({
      {"workers 1\nlog: {}\n", "1:1: not `key: value`: a colon is missing"},
      {"log: {}\nworkers 1\n", "2:1: not `key: value`: a colon is missing"},
      {"workers:1\nlog: {}\n", "1:1: a space is missing after the colon of `key: value`"},
      {"log:\n  level:info\nworkers: 1\nadmin:1\n", "4:1: a space is missing after the colon of `key: value`"},
  });
}

TEST_CASE("a value that needs quotes is named") {
  check_rows({
      {"a: b: c\n", "1:5: a second `: ` in one line: write a value that contains `: ` in quotes"},
      {"a: @x\n", "1:4: a value cannot begin with @: write it in quotes"},
      {"a: `x`\n", "1:4: a value cannot begin with `: write it in quotes"},
      {"a: %x\n", "1:4: a value cannot begin with %: write it in quotes"},
      {"a: *\n", "1:4: a value cannot begin with *: write it in quotes"},
      {"a: *x\n", "1:4: a value cannot begin with *: write it in quotes"},
      {"a: {path: *}\n", "1:11: a value cannot begin with *: write it in quotes"},
      {"a: \"x\" y\n", "1:8: not expected after the value: write the whole value in quotes"},
      {"a: \"\\d\"\n", "1:5: `\\d` means nothing in double quotes: write `\\\\` for a backslash, or use single quotes"},
      {"a: {b: ${X}}\n", "1:8: inside {...} or [...] write `${...}` in quotes"},
      {"a: {b: 1 c: 2}\n", "1:11: a comma is missing before this, or quotes around a value"},
      {"a: [\n {b: 1}\n {b: 2}\n]\n", "3:2: a comma is missing before this, or quotes around a value"},
      {"a: > x\n", "1:6: text after | or > must begin on the next line"},
  });
}

TEST_CASE("a mistake after text that only looks like one is named all the same") {
  const std::string before =
      "# it's a comment [\n"
      "a: it's plain [ text {\n"
      "b: \"a } in quotes\"\n"
      "c: |\n"
      "  \ttext with ' and [\n"
      "d: [ 'one', \"two\", # [\n"
      "     three ]\n";
  CHECK(errors_of(before + "e: {f: 1\n") == "t.yaml:8:4: a { that is not closed");
  CHECK(errors_of(before + "e\nf: 1\n") == "t.yaml:8:1: not `key: value`: a colon is missing");
}
