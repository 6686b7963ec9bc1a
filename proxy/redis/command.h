// A command in the form it is sent: hiredis's formatter.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace tidegate::redis {

class Command {
 public:
  explicit Command(const std::vector<std::string_view>& parts);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  std::string_view bytes() const { return {bytes_, size_}; }

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tidegate::redis
