// Jobs and responses as stored: header fields as header lines, what a record's checksum covers, what its times mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "jobs/job.h"

namespace tidegate::jobs {

// "Name: value\r\n" a field. Names and values come from parsed messages: no CR, LF or leading space in them.
std::string encode_fields(const FieldList& fields);
FieldList decode_fields(const std::string& text);

// CRC-32C of everything about a job that never changes, the body excepted (it is appended).
uint32_t job_head_crc(const std::string& id, const std::string& route, const std::string& method,
                      const std::string& target, const std::string& fields, int64_t created_at);
uint32_t result_head_crc(uint16_t status, const std::string& fields);

// JobRecord::next_attempt_at, from the time at which a store has a job due.
std::optional<WallTime> next_attempt_of(JobStatus status, WallTime created_at, WallTime due_at);

}  // namespace tidegate::jobs
