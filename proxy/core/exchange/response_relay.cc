#include "core/exchange/response_relay.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "core/upstream/forward.h"

namespace tidegate::core {

namespace {

// Its upstream wants to know whether the client still reads: nothing is buffered.
bool is_event_stream(const http::ResponseHead& response) {
  constexpr std::string_view kEventStream = "text/event-stream";
  const std::string_view type = response.fields.find("content-type").value_or("");
  return http::iequals(type.substr(0, kEventStream.size()), kEventStream);
}

}  // namespace

void relay_interim(Worker& worker, http::Responder& responder, const http::ResponseHead& interim,
                   std::string_view request_id) {
  std::string& out = worker.scratch();
  out.clear();
  write_response_head(out, interim, request_id);
  responder.send_interim(out);
}

ResponseRelay::ResponseRelay(Worker& worker, const RouteState& route, http::Responder& responder, Attempt& attempt,
                             ResponseRelayUser& user)
    : worker_(worker),
      responder_(responder),
      buffering_(route.config->buffering),
      limits_(route.listener->limits),
      attempt_(&attempt),
      user_(user),
      share_(worker.buffers()) {}

void ResponseRelay::begin(const http::ResponseHead& response, std::string_view request_id) {
  status_ = response.status;
  const bool buffers = buffering_.response > 0 || buffering_.max_temp > 0;
  if (buffers && is_event_stream(response)) buffering_ = {0, 0, 0};
  std::string& out = worker_.scratch();
  out.clear();
  write_response_head(out, response, request_id);
  const auto length = relayed_length(responder_.request().method, response);
  responder_.send_head(response.status, out, length.value_or(http::Responder::kUnknownLength));
}

void ResponseRelay::receive(std::string_view piece) {
  received_ += piece.size();
  if (goes_to_file()) {
    unwritten_.append(piece);
    charge();
    write_on();
  } else {
    send(piece);
  }
  balance();
}

void ResponseRelay::send(std::string_view bytes) {
  handed_over_ += bytes.size();
  responder_.send_body(bytes);
  charge();
}

void ResponseRelay::charge() {
  memory_short_ = !share_.resize(responder_.write_pending() + unwritten_.size() + being_written_);
}

// One more piece does.
bool ResponseRelay::fits_memory() const {
  const size_t unsent = responder_.write_pending();
  return unsent <= kUnsentMax || (unsent < buffering_.response && !memory_short_);
}

bool ResponseRelay::may_open_file() const { return !file_failed_ && buffering_.max_temp > 0; }

// Begins the file where it is needed first.
bool ResponseRelay::goes_to_file() {
  if (file_) return true;
  if (fits_memory() || !may_open_file()) return false;
  file_ = responder_.runtime().make_temp_file();
  read_ = 0;
  return true;
}

// For one more piece.
bool ResponseRelay::has_room() const {
  if (!file_) return fits_memory() || may_open_file();
  const bool nothing_waits = unwritten_.empty() && being_written_ == 0;
  const bool keeps_up = nothing_waits || (!memory_short_ && unwritten_.size() < kUnsentMax);
  return keeps_up && !file_failed_ && file_->size() < buffering_.max_temp;
}

void ResponseRelay::balance() {
  if (attempt_ == nullptr) return;
  if (has_room()) return attempt_->resume();
  attempt_->pause();
  watch();
}

void ResponseRelay::watch() {
  if (slow_client_) return;
  const auto progress = [this] {
    const uint64_t unread = responder_.unacknowledged();  // none: the disk is waited for
    return SlowClient::Progress{handed_over_ - std::min(handed_over_, unread), attempt_->paused_time(), unread > 0};
  };
  slow_client_.emplace(responder_.runtime(), limits_, progress, [this] {
    user_.on_response_stuck(policy::Outcome::client_timeout, "the client reads more slowly than limits.min_rate");
  });
}

void ResponseRelay::end() {
  attempt_ = nullptr;
  slow_client_.reset();
  advance();
}

void ResponseRelay::on_drained() {
  charge();
  advance();
}

void ResponseRelay::write_on() {
  if (busy_ || file_failed_ || unwritten_.empty()) return;
  busy_ = true;
  being_written_ = unwritten_.size();
  file_->append(std::exchange(unwritten_, {}), [this](Status written, const std::string& not_written) {
    busy_ = false;
    being_written_ = 0;
    on_written(written, not_written);
  });
}

void ResponseRelay::on_written(const Status& written, const std::string& not_written) {
  if (!written) {
    log_error("response_spool_failed", {{"reason", written.error().message}});
    file_failed_ = true;
    unwritten_.insert(0, not_written);
  }
  charge();
  advance();
}

void ResponseRelay::read_on() {
  busy_ = true;
  file_->read_at(read_, kUnsentMax, [this](const Result<std::string>& bytes) {
    busy_ = false;
    on_read(bytes);
  });
}

void ResponseRelay::on_read(const Result<std::string>& bytes) {
  if (!bytes || bytes->empty()) {
    return user_.on_response_stuck(policy::Outcome::buffer_full, "the response could not be read back from the disk");
  }
  read_ += bytes->size();
  send(*bytes);
  advance();
}

// Does what can be done next: reads for the client first, then writes.
void ResponseRelay::advance() {
  const bool client_takes_more = responder_.write_pending() <= kUnsentMax;
  if (file_ && !busy_ && client_takes_more) {
    if (read_ < file_->size()) return read_on();
    file_.reset();  // the client has caught up with the file: what is left goes straight on
    if (!unwritten_.empty()) send(std::exchange(unwritten_, {}));
  }
  if (file_) write_on();
  balance();
  const bool sent = attempt_ == nullptr && !file_ && responder_.write_pending() <= kUnsentMax;
  if (sent) user_.on_response_sent();  // may destroy this
}

}  // namespace tidegate::core
