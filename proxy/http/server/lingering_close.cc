#include "http/server/lingering_close.h"

#include "http/server/incoming_body.h"

namespace tidegate::http {

namespace {

constexpr Duration kWaitMax = 1s;

}  // namespace

LingeringClose::LingeringClose(Server::Impl& server, net::Stream& stream, ResponseWriter& response, Owner& owner)
    : server_(server), stream_(stream), response_(response), owner_(owner), timer_(server.runtime, [this] {
        on_timer();
      }) {}

void LingeringClose::start(bool client_ended) {
  client_ended_ = client_ended;
  if (client_ended_ && !is_flushing()) return end();
  stream_.set_user(this);
  stream_.end_writing();
  if (!client_ended_) stream_.start_reading();
  arm_timer();
}

void LingeringClose::on_read(std::string_view bytes) {
  discarded_ += bytes.size();
  if (discarded_ <= kDiscardBytesMax) return;
  if (!is_flushing()) return end();
  stream_.stop_reading();  // the response is not out yet: the client has to wait
}

void LingeringClose::on_read_end() {
  client_ended_ = true;
  if (!is_flushing()) end();
}

void LingeringClose::on_stream_error(const Error&) { end(); }

void LingeringClose::on_write_drained() {
  if (client_ended_ || discarded_ > kDiscardBytesMax) return end();
  arm_timer();
}

void LingeringClose::arm_timer() { timer_.start_after(is_flushing() ? server_.limits.write_timeout / 4 : kWaitMax); }

void LingeringClose::on_timer() {
  if (!is_flushing()) return end();
  if (response_.has_stalled(server_.runtime.now())) return end(true);
  arm_timer();
}

void LingeringClose::end(bool reset) {
  timer_.stop();
  owner_.on_linger_over(reset);
}

}  // namespace tidegate::http
