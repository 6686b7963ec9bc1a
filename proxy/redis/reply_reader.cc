#include "redis/reply_reader.h"

#include <hiredis/read.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace tidegate::redis {

namespace {

constexpr int kReserveMax = 1024;  // an announced number of elements is not believed beyond this

// Where the value of `task` goes. Only the newest element of an array is ever pointed at, so arrays may grow.
Reply* place(const redisReadTask* task, Reply::Kind kind) {
  auto* reply = static_cast<Reply*>(task->privdata);
  if (task->parent != nullptr) reply = &static_cast<Reply*>(task->parent->obj)->items.emplace_back();
  else *reply = Reply{};
  reply->kind = kind;
  return reply;
}

void* make_text(const redisReadTask* task, char* bytes, size_t count) {
  Reply* reply = place(task, task->type == REDIS_REPLY_ERROR ? Reply::Kind::error : Reply::Kind::text);
  reply->text.assign(bytes, count);
  return reply;
}

void* make_array(const redisReadTask* task, int elements) {
  Reply* reply = place(task, Reply::Kind::array);
  reply->items.reserve(static_cast<size_t>(std::clamp(elements, 0, kReserveMax)));
  return reply;
}

void* make_integer(const redisReadTask* task, long long value) {
  Reply* reply = place(task, Reply::Kind::integer);
  reply->integer = value;
  return reply;
}

void* make_nil(const redisReadTask* task) { return place(task, Reply::Kind::nil); }

void leave(void*) {}  // the values belong to the ReplyReader

redisReplyObjectFunctions functions = {&make_text, &make_array, &make_integer, &make_nil, &leave};

}  // namespace

void ReplyReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

ReplyReader::ReplyReader(size_t reply_bytes_max)
    : reader_(redisReaderCreateWithFunctions(&functions)), reply_bytes_max_(reply_bytes_max) {
  TG_ASSERT(reader_ != nullptr);
  reader_->privdata = &root_;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  unfinished_bytes_ += bytes.size();
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

Result<std::optional<Reply>> ReplyReader::next() {
  void* found = nullptr;
  if (redisReaderGetReply(reader_.get(), &found) != REDIS_OK)
    return Error{ErrorCode::invalid, std::string("not a reply of Redis: ") + reader_->errstr};
  if (found != nullptr) {
    unfinished_bytes_ = reader_->len - reader_->pos;
    return std::optional<Reply>(std::exchange(root_, Reply{}));
  }
  if (unfinished_bytes_ > reply_bytes_max_) return Error{ErrorCode::exhausted, "a reply of Redis is too large"};
  return std::optional<Reply>();
}

}  // namespace tidegate::redis
