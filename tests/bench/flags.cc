#include "flags.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace tidegate::bench {

void usage_error(const std::string& message) {
  std::fprintf(stderr, "usage error: %s\n", message.c_str());
  std::exit(2);
}

Flags::Flags(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) words_.push_back({argv[i]});
}

std::size_t Flags::find(std::string_view name) const {
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const std::string_view word = words_[i].text;
    if (word.substr(0, 2) == "--" && word.substr(2) == name) return i;
  }
  return words_.size();
}

std::string_view Flags::value_after(std::size_t place) {
  if (place + 1 >= words_.size()) usage_error(std::string(words_[place].text) + " needs a value");
  words_[place].used = words_[place + 1].used = true;
  return words_[place + 1].text;
}

std::string_view Flags::text(std::string_view name) {
  const std::size_t place = find(name);
  if (place == words_.size()) usage_error("--" + std::string(name) + " is required");
  return value_after(place);
}

std::string_view Flags::text(std::string_view name, std::string_view fallback) {
  const std::size_t place = find(name);
  return place == words_.size() ? fallback : value_after(place);
}

std::uint64_t Flags::number(std::string_view name, std::uint64_t min, std::uint64_t max) {
  const std::string_view value = text(name);
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc{} || end != value.data() + value.size() || result < min || result > max) {
    usage_error("--" + std::string(name) + " must be a number from " + std::to_string(min) + " to " +
                std::to_string(max) + ", not " + std::string(value));
  }
  return result;
}

std::uint64_t Flags::number(std::string_view name, std::uint64_t min, std::uint64_t max, std::uint64_t fallback) {
  return find(name) == words_.size() ? fallback : number(name, min, max);
}

std::uint16_t Flags::port(std::string_view name) { return static_cast<std::uint16_t>(number(name, 1, 65535)); }

bool Flags::has(std::string_view name) {
  const std::size_t place = find(name);
  if (place == words_.size()) return false;
  words_[place].used = true;
  return true;
}

void Flags::finish() const {
  for (const Word& word : words_) {
    if (!word.used) usage_error("unknown argument " + std::string(word.text));
  }
}

}  // namespace tidegate::bench
