#include "jobs/redis/blob.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kCrcBytes = 4;
constexpr int kInFlightMax = 4;
constexpr size_t kUnsentMax = 8 << 20;  // bytes, of all uploads together
constexpr Duration kRecheckDelay = 5ms;
constexpr uint64_t kRenewEvery = 64;  // pieces
constexpr const char* kUploadSeconds = "600";

std::string crc_of(const std::string& blob, uint64_t number, std::string_view bytes) {
  const uint32_t crc = crc32c(bytes, crc32c(blob + "/" + std::to_string(number) + "\n"));
  std::string packed;
  for (int shift = 24; shift >= 0; shift -= 8) packed.push_back(static_cast<char>(crc >> shift & 0xff));
  return packed;
}

}  // namespace

std::string seal_piece(const std::string& blob, uint64_t number, std::string_view bytes) {
  std::string sealed = crc_of(blob, number, bytes);
  sealed.reserve(kCrcBytes + bytes.size());
  return sealed.append(bytes);
}

Result<std::string> open_piece(const std::string& blob, uint64_t number, const std::string& sealed) {
  if (sealed.size() > kCrcBytes) {
    std::string bytes = sealed.substr(kCrcBytes);
    if (sealed.compare(0, kCrcBytes, crc_of(blob, number, bytes)) == 0) return bytes;
  }
  return Error{ErrorCode::invalid, "piece " + std::to_string(number) + " of " + blob + " is damaged"};
}

RedisUpload::RedisUpload(RedisLink& link, std::string blob, const BodyContent& body)
    : link_(link), blob_(std::move(blob)), body_(body), later_(link.runtime(), [this] {
        const auto self = std::move(self_);
        send_on();
        link_.runtime().post([self] {});  // not deleted under its own timer
      }) {}

void RedisUpload::start(RedisLink& link, std::string blob, const BodyContent& body,
                        std::shared_ptr<Fingerprint> fingerprint, std::function<bool()> dropped, Done done) {
  const std::shared_ptr<RedisUpload> upload(new RedisUpload(link, std::move(blob), body));
  upload->fingerprint_ = std::move(fingerprint);
  upload->dropped_ = std::move(dropped);
  upload->done_ = std::move(done);
  if (body.size() == 0) return upload->end(UploadedBody{});
  if (body.size() <= kBlobPiece) {
    auto only = upload->next_piece();
    if (!only) return upload->end(only.error());
    return upload->end(UploadedBody{"", 1, std::move(*only)});
  }
  upload->upload_ = "upload:" + upload->blob_ + ":" + to_hex(link.runtime().random_id());
  upload->send_on();
}

Result<std::string> RedisUpload::next_piece() {
  std::string from_file;
  std::string_view bytes;
  if (body_.file) {
    auto read = body_.file->read_at(sent_, kBlobPiece);
    if (!read) return read.error();
    if (read->empty()) return Error{ErrorCode::io, "a spooled body is shorter than it was"};
    from_file = std::move(*read);
    bytes = from_file;
  } else {
    bytes = std::string_view(body_.memory).substr(sent_, kBlobPiece);
  }
  if (fingerprint_) fingerprint_->add(bytes);
  sent_ += bytes.size();
  return seal_piece(blob_, pieces_++, bytes);
}

void RedisUpload::send_on() {
  if (!done_) return;
  if (dropped_()) return end(Error{ErrorCode::cancelled, "nobody waits"});
  while (done_ && sent_ < body_.size() && in_flight_ < kInFlightMax && link_.write_pending() < kUnsentMax) {
    const std::string number = std::to_string(pieces_);
    const bool renew = pieces_ % kRenewEvery == 0;
    auto piece = next_piece();
    if (!piece) return end(piece.error());
    ++in_flight_;
    link_.ask({"HSET", link_.key(upload_), number, std::move(*piece)},
              [self = shared_from_this()](const Result<redis::Reply>& reply) {
                --self->in_flight_;
                if (!reply) return self->end(reply.error());
                self->send_on();
              });
    if (renew) link_.ask({"EXPIRE", link_.key(upload_), kUploadSeconds}, [](const Result<redis::Reply>&) {});
  }
  if (!done_ || in_flight_ > 0) return;
  if (sent_ >= body_.size()) return end(UploadedBody{upload_, pieces_, ""});
  self_ = shared_from_this();
  later_.start_after(kRecheckDelay);
}

void RedisUpload::end(Result<UploadedBody> result) {
  const auto done = std::exchange(done_, nullptr);
  if (!done) return;
  if (!result.ok() && !upload_.empty()) link_.ask({"UNLINK", link_.key(upload_)}, [](const Result<redis::Reply>&) {});
  done(std::move(result));
}

void RedisBlob::read(RedisLink& link, uint64_t offset, size_t count, std::function<void(Result<std::string>)> done) {
  const uint64_t end = offset < size_ ? offset + std::min<uint64_t>(count, size_ - offset) : offset;
  go_on(link, std::make_shared<Read>(Read{offset, end, "", std::move(done)}));
}

void RedisBlob::go_on(RedisLink& link, const std::shared_ptr<Read>& read) {
  while (read->offset < read->end && read->offset / kBlobPiece == cached_number_) {
    const size_t from = read->offset % kBlobPiece;
    if (from >= cached_.size())
      return read->done(Error{ErrorCode::invalid, blob_ + " is shorter than its record says"});
    const size_t taken = std::min<uint64_t>(cached_.size() - from, read->end - read->offset);
    read->bytes.append(cached_, from, taken);
    read->offset += taken;
  }
  if (read->offset >= read->end) return read->done(std::move(read->bytes));
  const uint64_t number = read->offset / kBlobPiece;
  link.ask({"HGET", link.key(blob_), std::to_string(number)},
           [self = shared_from_this(), &link, read, number](Result<redis::Reply> reply) {
             if (!reply) return read->done(reply.error());
             if (reply->is_nil()) return read->done(Error{ErrorCode::not_found, self->blob_ + " has been deleted"});
             auto bytes = open_piece(self->blob_, number, reply->text);
             if (!bytes) return read->done(bytes.error());
             self->cached_number_ = number;
             self->cached_ = std::move(*bytes);
             self->go_on(link, read);
           });
}

}  // namespace tidegate::jobs
