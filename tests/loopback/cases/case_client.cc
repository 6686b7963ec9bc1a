#include "loopback/cases/case_client.h"

#include <algorithm>

#include "loopback/cases/scripted_upstream.h"

namespace tidegate::loopback {

namespace {

StrictReader::ToHead by_echo(bool is_head) {
  return [is_head](const StrictMessage& response) {
    const std::string echo = response.field(kEchoField);
    return echo.empty() ? is_head && response.begins == 0 : echo.starts_with("HEAD ");
  };
}

}  // namespace

CaseClient::CaseClient(const test::RawClient::Connect& connect, bool is_head)
    : received_(StrictReader::Kind::responses, by_echo(is_head)) {
  connecting_ = connect([this](Result<std::unique_ptr<net::Stream>> connected) {
    if (!connected.ok()) {
      over_ = true;
      return;
    }
    stream_ = std::move(*connected);
    stream_->set_user(this);
    stream_->start_reading();
  });
}

void CaseClient::step() {
  if (!stream_) return;
  ++since_connected_;
  if (!sender_) return;
  sender_->step(*stream_);
  if (sender_->is_done()) sender_.reset();
}

bool CaseClient::send_more(std::string_view bytes) {
  if (stream_->write_pending() > 0) return false;
  stream_->write(bytes);
  return true;
}

void CaseClient::leave() {
  stream_.reset();
  over_ = true;
}

void CaseClient::on_read_end() {
  received_.end();
  over_ = true;
}

bool CaseClient::has_final_response() const {
  return std::any_of(received_.messages().begin(), received_.messages().end(),
                     [](const StrictMessage& each) { return each.is_complete && each.is_final(); });
}

}  // namespace tidegate::loopback
