// The command line of a benchmark program: `--name value` pairs and bare `--name` switches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::bench {

// An invalid command line (a missing flag, an invalid number, an unknown flag) ends the program with status 2 and one
// line on stderr. argv must outlive the object.
class Flags {
 public:
  Flags(int argc, char** argv);

  // The number after --name. Without a fallback the flag is required.
  std::uint64_t number(std::string_view name, std::uint64_t min, std::uint64_t max);
  std::uint64_t number(std::string_view name, std::uint64_t min, std::uint64_t max, std::uint64_t fallback);
  std::uint16_t port(std::string_view name);
  std::string_view text(std::string_view name);
  std::string_view text(std::string_view name, std::string_view fallback);
  bool has(std::string_view name);

  // Refuses the flags that nothing has read. Call it last.
  void finish() const;

 private:
  struct Word {
    std::string_view text;
    bool used = false;
  };

  // The index of --name, or the number of words.
  std::size_t find(std::string_view name) const;
  std::string_view value_after(std::size_t place);

  std::vector<Word> words_;
};

[[noreturn]] void usage_error(const std::string& message);

}  // namespace tidegate::bench
