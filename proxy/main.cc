#include <exception>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/log/output.h"
#include "cli/commands.h"

namespace {

// Each request allocates and frees a buffer of some hundred kilobytes for its body. By default glibc maps and unmaps
// such buffers or returns the end of the heap, so that every request pays for fresh pages: a third of the cost of a
// POST of 100 kB.
void keep_freed_pages() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_pages();
  try {
    return tidegate::cli::main_command(argc, argv);
  } catch (const std::exception& error) {
    tidegate::log_last_words(std::string("tidegate: ") + error.what());
    return tidegate::cli::kExitRuntime;
  }
}
