#include "jobs/record_codec.h"

#include "base/crc32c.h"

namespace tidegate::jobs {

std::string encode_fields(const FieldList& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append(": ").append(value).append("\r\n");
  return text;
}

FieldList decode_fields(const std::string& text) {
  FieldList fields;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find("\r\n", at), text.size());
    const size_t colon = text.find(": ", at);
    if (colon < end) fields.emplace_back(text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  return fields;
}

uint32_t job_head_crc(const std::string& id, const std::string& route, const std::string& method,
                      const std::string& target, const std::string& fields, int64_t created_at) {
  uint32_t crc = 0;
  for (const std::string* part : {&id, &route, &method, &target, &fields}) {
    crc = crc32c(*part, crc);
    crc = crc32c("\n", crc);
  }
  return crc32c(std::to_string(created_at), crc);
}

uint32_t result_head_crc(uint16_t status, const std::string& fields) {
  return crc32c(fields, crc32c(std::to_string(status)));
}

std::optional<WallTime> next_attempt_of(JobStatus status, WallTime created_at, WallTime due_at) {
  const bool must_wait = status == JobStatus::queued && due_at > created_at;
  return must_wait || status == JobStatus::retrying ? std::optional(due_at) : std::nullopt;
}

}  // namespace tidegate::jobs
