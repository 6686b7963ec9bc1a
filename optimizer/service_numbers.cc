#include "optimizer/service_numbers.h"

#include <fmt/format.h>

namespace tidegate::optimizer {

namespace {

std::string gauge(std::string_view name, std::string_view help, uint64_t value) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
}

}  // namespace

std::string to_exposition(const ServiceNumbers& numbers) {
  const char* name = "watermark_optimizer_picture_seconds";
  return fmt::format(
             "# HELP {0} Pictures worked on, from a body's end to its picture.\n# TYPE {0} summary\n"
             "{0}_sum {1}\n{0}_count {2}\n",
             name, to_seconds(numbers.working), numbers.pictures) +
         gauge("watermark_optimizer_load", "Pictures that wait or are being worked on.", numbers.load) +
         gauge("watermark_optimizer_workers", "Pictures worked on at once.", static_cast<uint64_t>(numbers.workers)) +
         gauge("watermark_optimizer_queue_max", "Pictures that may wait.", numbers.queue_max) +
         gauge("watermark_optimizer_body_bytes", "Bodies in memory for requests under way.", numbers.bodies_bytes);
}

}  // namespace tidegate::optimizer
