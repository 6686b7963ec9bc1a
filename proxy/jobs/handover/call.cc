#include "jobs/handover/call.h"

#include <utility>

#include "jobs/record_codec.h"
#include "net/uv/passed_file.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kNumberBytes = 8;

uint64_t ns_of(WallTime time) { return static_cast<uint64_t>(time.time_since_epoch().count()); }

// What is in memory goes in the text of the message, a file as a descriptor.
Status attach_body(MessageWriter& writer, net::Message& message, const BodyContent& body) {
  writer.number(body.size());
  if (!body.file || body.size() == 0) {
    writer.text(body.memory);
    return Ok{};
  }
  auto descriptor = net::descriptor_of(*body.file);
  if (!descriptor) return descriptor.error();
  message.descriptors.push_back(std::move(*descriptor));
  writer.text("");
  return Ok{};
}

BodyContent read_body(MessageReader& reader, net::Message& message) {
  BodyContent body;
  const uint64_t size = reader.number();
  body.memory = reader.text();
  if (!message.descriptors.empty()) body.file = net::content_of(std::move(message.descriptors.front()), size);
  return body;
}

void write(MessageWriter& writer, const JobDraft& draft) {
  writer.text(draft.id).text(draft.route).text(draft.method).text(draft.target).text(encode_fields(draft.fields));
  writer.text(draft.body_ref).text(draft.dedupe_key);
  writer.wall_time(draft.created_at).wall_time(draft.expires_at).wall_time(draft.not_before);
  writer.number(static_cast<uint64_t>(draft.max_attempts));
}

JobDraft read_draft(MessageReader& reader) {
  JobDraft draft;
  for (std::string* each : {&draft.id, &draft.route, &draft.method, &draft.target}) *each = reader.text();
  draft.fields = decode_fields(reader.text());
  draft.body_ref = reader.text();
  draft.dedupe_key = reader.text();
  for (WallTime* each : {&draft.created_at, &draft.expires_at, &draft.not_before}) *each = reader.wall_time();
  draft.max_attempts = static_cast<int>(reader.number());
  return draft;
}

void write_time(MessageWriter& writer, const std::optional<WallTime>& time) {
  writer.number(time ? 1 : 0).wall_time(time.value_or(WallTime{}));
}

std::optional<WallTime> read_time(MessageReader& reader) {
  const bool is_set = reader.number() != 0;
  const WallTime time = reader.wall_time();
  return is_set ? std::optional(time) : std::nullopt;
}

// Without the history, which operators alone see.
void write(MessageWriter& writer, const JobRecord& record) {
  writer.text(record.id).text(record.route).number(static_cast<uint64_t>(record.status));
  for (const int each : {record.attempt, record.max_attempts, record.deferrals, record.replays}) {
    writer.number(static_cast<uint64_t>(each));
  }
  writer.wall_time(record.created_at).wall_time(record.expires_at);
  write_time(writer, record.next_attempt_at);
  write_time(writer, record.finished_at);
  writer.number(record.position).text(record.last_error).number(record.result_status);
  writer.text(record.method).text(record.target).number(record.body_size).text(record.body_ref);
}

JobRecord read_record(MessageReader& reader) {
  JobRecord record;
  record.id = reader.text();
  record.route = reader.text();
  record.status = static_cast<JobStatus>(reader.number());
  for (int* each : {&record.attempt, &record.max_attempts, &record.deferrals, &record.replays}) {
    *each = static_cast<int>(reader.number());
  }
  record.created_at = reader.wall_time();
  record.expires_at = reader.wall_time();
  record.next_attempt_at = read_time(reader);
  record.finished_at = read_time(reader);
  record.position = reader.number();
  record.last_error = reader.text();
  record.result_status = static_cast<uint16_t>(reader.number());
  record.method = reader.text();
  record.target = reader.text();
  record.body_size = reader.number();
  record.body_ref = reader.text();
  return record;
}

}  // namespace

MessageWriter& MessageWriter::number(uint64_t value) {
  for (size_t i = 0; i < kNumberBytes; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  return *this;
}

MessageWriter& MessageWriter::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
  return *this;
}

MessageWriter& MessageWriter::wall_time(WallTime value) { return number(ns_of(value)); }

uint64_t MessageReader::number() {
  if (bytes_.size() < kNumberBytes) ok_ = false;
  if (!ok_) return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) value |= uint64_t{static_cast<uint8_t>(bytes_[i])} << (8 * i);
  bytes_.remove_prefix(kNumberBytes);
  return value;
}

std::string MessageReader::text() {
  const uint64_t size = number();
  if (size > bytes_.size()) ok_ = false;
  if (!ok_) return {};
  std::string value(bytes_.substr(0, size));
  bytes_.remove_prefix(size);
  return value;
}

WallTime MessageReader::wall_time() { return WallTime(Duration(static_cast<int64_t>(number()))); }

Result<net::Message> encode(const QueueCall& call) {
  net::Message message;
  MessageWriter writer;
  writer.number(call.id).number(static_cast<uint64_t>(call.kind)).text(call.queue).text(call.job_id);
  writer.number(call.offset).number(call.count);
  if (call.kind == CallKind::append) {
    write(writer, call.draft);
    if (const Status attached = attach_body(writer, message, call.draft.body); !attached) return attached.error();
  }
  message.text = writer.take();
  return message;
}

std::optional<QueueCall> decode_call(net::Message message) {
  MessageReader reader(message.text);
  QueueCall call;
  call.id = reader.number();
  const uint64_t kind = reader.number();
  if (kind > static_cast<uint64_t>(CallKind::cancel)) return std::nullopt;
  call.kind = static_cast<CallKind>(kind);
  call.queue = reader.text();
  call.job_id = reader.text();
  call.offset = reader.number();
  call.count = reader.number();
  if (call.kind == CallKind::append) {
    call.draft = read_draft(reader);
    call.draft.body = read_body(reader, message);
  }
  return reader.ok() ? std::optional(std::move(call)) : std::nullopt;
}

net::Message encode(const QueueAnswer& answer) {
  MessageWriter writer;
  writer.number(answer.id).number(answer.error ? 1 : 0);
  if (answer.error) {
    writer.number(static_cast<uint64_t>(answer.error->code)).text(answer.error->message);
  } else {
    const Appended& appended = answer.appended;
    writer.text(appended.id).number(appended.position).number(appended.existing ? 1 : 0);
    writer.number(static_cast<uint64_t>(appended.status));
    write(writer, answer.record);
    writer.number(answer.result_status).text(encode_fields(answer.result_fields)).number(answer.result_size);
    writer.text(answer.piece);
  }
  return {writer.take(), {}};
}

std::optional<QueueAnswer> decode_answer(const net::Message& message) {
  MessageReader reader(message.text);
  QueueAnswer answer;
  answer.id = reader.number();
  if (reader.number() != 0) {
    const auto code = static_cast<ErrorCode>(reader.number());
    answer.error = Error{code, reader.text()};
  } else {
    answer.appended.id = reader.text();
    answer.appended.position = reader.number();
    answer.appended.existing = reader.number() != 0;
    answer.appended.status = static_cast<JobStatus>(reader.number());
    answer.record = read_record(reader);
    answer.result_status = static_cast<uint16_t>(reader.number());
    answer.result_fields = decode_fields(reader.text());
    answer.result_size = reader.number();
    answer.piece = reader.text();
  }
  return reader.ok() ? std::optional(std::move(answer)) : std::nullopt;
}

}  // namespace tidegate::jobs
