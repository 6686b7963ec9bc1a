#include "config/yaml/substitution.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

const Environment kEnvironment = environment_of({{"A", "alpha"}, {"EMPTY", ""}, {"B_2", "${A}"}});

std::string done(const std::string& text) {
  const auto result = substitute(text, kEnvironment);
  return result ? *result : "error: " + result.error().message;
}

// A file that its destructor deletes.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& content) {
    path_ = std::filesystem::temp_directory_path() / ("tidegate-substitution-" + std::to_string(::getpid()));
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~ScratchFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("variables and defaults are substituted") {
  CHECK(done("plain $ and {} and $5") == "plain $ and {} and $5");
  CHECK(done("${A}") == "alpha");
  CHECK(done("<${A}|${A}>") == "<alpha|alpha>");
  CHECK(done("${NONE:-fall back}") == "fall back");
  CHECK(done("${NONE:-}") == "");
  CHECK(done("${EMPTY:-x}") == "x");
  CHECK(done("${EMPTY}") == "");
  CHECK(done("${A:-x}") == "alpha");
  CHECK(done("${B_2}") == "${A}");  // a value is not substituted again
  CHECK(done("$${A} costs $5") == "${A} costs $5");
  CHECK(done("${NONE:-a:-b}") == "a:-b");
}

TEST_CASE("an unresolvable substitution is an error that names it") {
  CHECK(done("x${NONE}") == "error: environment variable NONE is not set and has no default");
  CHECK(done("${A") == "error: ${ without a closing }; write $${ for a literal ${");
  CHECK(done("${}") == "error: `${}` is not ${NAME}, ${NAME:-default} or ${file:/path}");
  CHECK(done("${1A}") == "error: `${1A}` is not ${NAME}, ${NAME:-default} or ${file:/path}");
  CHECK(done("${A-x}") == "error: `${A-x}` is not ${NAME}, ${NAME:-default} or ${file:/path}");
  CHECK(done("${NONE:-${A}}") == "error: substitutions cannot be nested");
  CHECK(done("${file:secret}") == "error: ${file:...} requires an absolute path such as ${file:/run/secrets/token}");
  CHECK(done("${file:/no/such/file}") == "error: cannot read file `/no/such/file`: No such file or directory");
  CHECK(done("${file:/}") == "error: cannot read file `/`: Is a directory");
}

TEST_CASE("${file:...} removes the final line end") {
  for (const auto& [content, taken] : std::vector<std::pair<std::string, std::string>>{
           {"secret", "secret"}, {"secret\n", "secret"}, {"secret\r\n", "secret"}, {"two\n\n", "two\n"}}) {
    const ScratchFile file(content);
    CHECK(done("${file:" + file.path() + "}") == taken);
  }
  for (const char* nothing : {"", "\n", "\r\n"}) {
    const ScratchFile file(nothing);
    CHECK(done("${file:" + file.path() + "}") == "error: file `" + file.path() + "` is empty");
  }
  const ScratchFile large(std::string(65537, 'x'));
  CHECK(done("${file:" + large.path() + "}") == "error: file `" + large.path() + "` is larger than 64 KiB");
}

TEST_CASE("a substituted value has the type of a written one, and is never shown") {
  CHECK(load(with(In::top, "workers: ${W}"), {{"W", "3"}}).config->workers == 3);
  CHECK(load(with(In::top, "admin: {token: \"${T}\"}"), {{"T", "hunter2"}}).config->admin.token == "hunter2");
  CHECK(load(with(In::top, "workers: \"${W}\""), {{"W", "3"}}).config->workers == 3);
  CHECK(load(with(In::top, "workers: ${W:-}")).config->workers == 1);  // empty is absent
  CHECK(errors_of(with(In::top, "workers: ${W}"), {{"W", "hunter2"}}) ==
        "t.yaml:1:10: workers: the value of `${W}` is not a whole number");
  CHECK(errors_of(with(In::top, "workers: ${W}"), {{"W", "5000"}}) ==
        "t.yaml:1:10: workers: the value of `${W}` is not a whole number from 1 to 1024");
  CHECK(errors_of(with(In::top, "log:\n  level: ${L}\nworkers: ${W}")) ==
        "t.yaml:2:10: log.level: environment variable L is not set and has no default\nt.yaml:3:10: workers: "
        "environment variable W is not set and has no default");
}
