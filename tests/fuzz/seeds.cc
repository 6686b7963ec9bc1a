// fuzz_seeds FOLDER requests|responses: one file a case, small ones only.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "unit/http/cases.h"

namespace {

constexpr size_t kSeedBytesMax = 4096;

void write_seed(const std::filesystem::path& folder, const std::string& id, const std::string& bytes) {
  if (bytes.size() > kSeedBytesMax) return;
  std::ofstream(folder / id, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER requests|responses\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  if (std::string(argv[2]) == "requests") {
    for (const auto& one : tidegate::test::load_request_cases()) write_seed(folder, one.id, one.raw);
  } else {
    // The first byte of a response seed is the fuzzer's: to HEAD or not, and whether the peer ends.
    for (const auto& one : tidegate::test::load_response_cases()) {
      write_seed(folder, one.id, static_cast<char>('0' + (one.to_head ? 1 : 0) + (one.ends ? 2 : 0)) + one.raw);
    }
  }
  return 0;
}
