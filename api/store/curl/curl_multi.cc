#include "api/store/curl/curl_multi.h"

#include <utility>

#include "api/store/curl/curl_transfer.h"
#include "base/assert.h"

namespace tidegate::api {

namespace {

using net::FdWatch;

int to_events(int what) {
  return (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? FdWatch::kReadable : 0) |
         (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? FdWatch::kWritable : 0);
}

int to_select(int events) {
  return ((events & FdWatch::kReadable) != 0 ? CURL_CSELECT_IN : 0) |
         ((events & FdWatch::kWritable) != 0 ? CURL_CSELECT_OUT : 0);
}

}  // namespace

Status CurlMulti::check_library() {
  TG_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  const auto* version = curl_version_info(CURLVERSION_NOW);
  if ((version->features & CURL_VERSION_ASYNCHDNS) != 0) return Ok{};
  return Error{ErrorCode::invalid, std::string("libcurl ") + version->version + " resolves names only synchronously"};
}

CurlMulti::CurlMulti(net::UvRuntime& runtime, const CurlLimits& limits)
    : runtime_(runtime),
      limits_(limits),
      multi_(curl_multi_init()),
      timer_(runtime, [this] { drive(CURL_SOCKET_TIMEOUT, 0); }) {
  TG_ASSERT(multi_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timeout_changed);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(limits_.transfers_max + limits_.urgent_max));
}

CurlMulti::~CurlMulti() {
  TG_ASSERT(transfers_ == 0 && urgent_ == 0 && waiting_.empty());
  curl_multi_cleanup(multi_);  // calls on_socket for idle connections
}

std::unique_ptr<net::Operation> CurlMulti::start(HttpCall call, Callback done) {
  auto transfer = std::make_unique<Transfer>(*this, std::move(call), std::move(done));
  if (transfer->urgent() ? urgent_ < limits_.urgent_max : transfers_ < limits_.transfers_max) {
    transfer->begin();
  } else if (!transfer->urgent() && waiting_.size() < limits_.waiting_max) {
    transfer->state_ = Transfer::State::waiting;
    waiting_.push_back(transfer.get());
  } else {
    transfer->refuse_soon();
  }
  return transfer;
}

void CurlMulti::admit() {
  while (!waiting_.empty() && transfers_ < limits_.transfers_max) {
    Transfer* next = waiting_.front();
    waiting_.pop_front();
    next->begin();
  }
}

int CurlMulti::on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*) {
  auto* multi = static_cast<CurlMulti*>(self);
  if (what == CURL_POLL_REMOVE) {
    multi->watches_.erase(descriptor);
    return 0;
  }
  auto& watch = multi->watches_[descriptor];
  if (!watch) {
    watch = net::watch_fd(multi->runtime_, descriptor,
                          [multi, descriptor](int events) { multi->drive(descriptor, to_select(events)); });
  }
  watch->want(to_events(what));
  return 0;
}

int CurlMulti::on_timeout_changed(CURLM*, long after_ms, void* self) {
  auto* multi = static_cast<CurlMulti*>(self);
  if (after_ms < 0) {
    multi->timer_.stop();
  } else {
    multi->timer_.start_after(std::chrono::milliseconds(after_ms));
  }
  return 0;
}

void CurlMulti::drive(curl_socket_t descriptor, int events) {
  int running = 0;
  TG_ASSERT(curl_multi_socket_action(multi_, descriptor, events, &running) == CURLM_OK);
  collect();
}

// Ends the finished transfers, outside of libcurl's callbacks. Their callbacks may start and cancel other transfers.
void CurlMulti::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    static_cast<Transfer*>(transfer)->on_ended(message->data.result);
  }
}

}  // namespace tidegate::api
