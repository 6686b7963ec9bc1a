#include <cstdio>
#include <exception>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "cli/commands.h"

namespace {

// A kept body is some hundred kilobytes, made and let go with each request. glibc would map and unmap such pieces, or
// give the heap's end back, and every request would pay for fresh pages: a third of what a POST of 100 kB costs.
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
    std::fprintf(stderr, "tidegate: %s\n", error.what());
    return tidegate::cli::kExitRuntime;
  }
}
