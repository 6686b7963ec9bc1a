#include "loopback/cases/play.h"

namespace tidegate::loopback {

namespace {

std::string all_of(const test::UpstreamStep& step) {
  std::string bytes;
  for (int n = step.times; n > 0; --n) bytes += step.bytes;
  return bytes;
}

// Those inside `size` bytes behind `begin`, counted from there.
Cuts cuts_inside(const Cuts& cuts, size_t begin, size_t size) {
  Cuts inside;
  for (const size_t cut : cuts) {
    if (cut > begin && cut < begin + size) inside.push_back(cut - begin);
  }
  return inside;
}

}  // namespace

bool Script::begins_at_once() const {
  return !steps.empty() && (steps[0].kind == StepKind::close || steps[0].kind == StepKind::reset);
}

void Play::step(std::unique_ptr<net::Stream>& stream, bool is_request_complete) {
  while (!is_done() && stream) {
    const test::UpstreamStep& step = script_.steps[at_];
    if (!has_begun_) begin(step);
    has_begun_ = true;
    if (!go_on(step, stream, is_request_complete)) return;
    has_begun_ = false;
    sent_ += step.bytes.size() * static_cast<size_t>(step.times);
    ++at_;
  }
}

void Play::begin(const test::UpstreamStep& step) {
  if (step.kind == StepKind::drip) gap_ = step.gap;
  if (step.kind == StepKind::sleep) waiting_.start_after(step.gap);
  if (step.kind != StepKind::send) return;
  const std::string bytes = all_of(step);
  const bool drips = gap_ > Duration{};
  if (!drips && step.gap == Duration{}) {
    sender_.emplace(bytes, cuts_inside(script_.cuts, sent_, bytes.size()));
    return;
  }
  paced_ = bytes;
  paced_piece_ = drips ? 1 : step.bytes.size();
  if (!drips) gap_ = step.gap;
}

// True: the step is over.
bool Play::go_on(const test::UpstreamStep& step, std::unique_ptr<net::Stream>& stream, bool is_request_complete) {
  switch (step.kind) {
    case StepKind::send: return send(*stream);
    case StepKind::drip: return true;
    case StepKind::sleep: return !waiting_.active();
    case StepKind::read_request: return is_request_complete;
    case StepKind::close: stream->end_writing(); return true;
    case StepKind::reset:
      stream->reset_on_close();
      stream.reset();
      return true;
    case StepKind::client_aborts: wants_client_to_abort_ = true; return true;
    case StepKind::refuse:
    case StepKind::blackhole: break;  // there is no connection to play on
  }
  return true;
}

bool Play::send(net::Stream& stream) {
  if (!sender_) return send_paced(stream);
  sender_->step(stream);
  if (!sender_->is_done()) return false;
  sender_.reset();
  return true;
}

bool Play::send_paced(net::Stream& stream) {
  if (waiting_.active()) return false;
  if (paced_.empty()) {
    gap_ = {};
    return true;
  }
  stream.write(std::string_view(paced_).substr(0, paced_piece_));
  paced_.erase(0, paced_piece_);
  waiting_.start_after(gap_);
  return false;
}

}  // namespace tidegate::loopback
