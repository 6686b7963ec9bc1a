#include "loopback/cases/piece_sender.h"

namespace tidegate::loopback {

Cuts every_byte(size_t size) {
  Cuts cuts;
  for (size_t at = 1; at < size; ++at) cuts.push_back(at);
  return cuts;
}

void PieceSender::step(net::Stream& stream) {
  switch (state_) {
    case State::sent:
      if (stream.unacknowledged() == 0) state_ = State::arrived;
      return;
    case State::arrived: state_ = State::ready; [[fallthrough]];
    case State::ready: break;
  }
  if (at_ == bytes_.size()) return;
  const size_t end = next_cut_ < cuts_.size() ? cuts_[next_cut_++] : bytes_.size();
  stream.write(std::string_view(bytes_).substr(at_, end - at_));
  at_ = end;
  state_ = State::sent;
}

}  // namespace tidegate::loopback
