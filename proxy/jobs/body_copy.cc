#include "jobs/body_copy.h"

#include <utility>

#include "net/finished.h"

namespace tidegate::jobs {

BodyCopy::BodyCopy(net::Runtime& runtime, std::shared_ptr<net::BodyReader> from,
                   std::function<void(Result<BodyContent>)> done)
    : from_(std::move(from)), done_(std::move(done)) {
  if (from_->size() > kMemoryMax) file_ = runtime.make_temp_file();
  read_on();
}

void BodyCopy::read_on() {
  reading_ = from_->read_at(at_, kPiece, [this](Result<std::string> piece) { on_piece(std::move(piece)); });
}

void BodyCopy::on_piece(Result<std::string> piece) {
  const auto finished = net::finished(reading_);
  if (!piece) return end(piece.error());
  if (piece->empty() && at_ < from_->size()) {
    return end(Error{ErrorCode::io, "a job's body is shorter than its record"});
  }
  at_ += piece->size();
  const auto go_on = [this] {
    if (at_ < from_->size()) return read_on();
    end(file_ ? BodyContent{{}, file_->content()} : BodyContent{std::move(memory_), nullptr});
  };
  if (!file_) {
    memory_ += *piece;
    return go_on();
  }
  file_->append(std::move(*piece),
                [this, go_on](Status written, const std::string&) { written ? go_on() : end(written.error()); });
}

void BodyCopy::end(Result<BodyContent> result) {
  const auto done = std::move(done_);
  done(std::move(result));  // may destroy this
}

}  // namespace tidegate::jobs
