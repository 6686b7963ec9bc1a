#include "api/store/curl/curl_transfer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace tidegate::api {

namespace {

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return ErrorCode::timeout;
    case CURLE_OUT_OF_MEMORY: return ErrorCode::exhausted;
    default: return ErrorCode::unavailable;
  }
}

// "GET http://127.0.0.1:9000/watermark/originals/abc". Without the query, which may contain a signature.
std::string describe(const HttpCall& call) { return call.method + " " + call.url.substr(0, call.url.find('?')); }

}  // namespace

CurlMulti::Transfer::Transfer(CurlMulti& multi, HttpCall call, Callback done)
    : multi_(multi), call_(std::move(call)), done_(std::move(done)), timer_(multi.runtime_, [this] { on_timer(); }) {
  timer_.start_after(call_.timeout);
}

void CurlMulti::Transfer::begin() {
  easy_ = make_easy();
  state_ = State::transferring;
  ++(call_.urgent ? multi_.urgent_ : multi_.transfers_);
  TG_ASSERT(curl_multi_add_handle(multi_.multi_, easy_) == CURLM_OK);
}

void CurlMulti::Transfer::refuse_soon() {
  refused_ = true;
  timer_.start_after(Duration::zero());
}

CURL* CurlMulti::Transfer::make_easy() {
  CURL* easy = curl_easy_init();
  TG_ASSERT(easy != nullptr);
  fields_ = curl_slist_append(fields_, "Expect:");  // do not wait for a 100 Continue
  for (const std::string& field : call_.fields) fields_ = curl_slist_append(fields_, field.c_str());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, details_.data());
  curl_easy_setopt(easy, CURLOPT_URL, call_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields_);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // proxies of the environment are not meant for a store
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  const std::string& ca_file = multi_.limits_.ca_file;
  if (!ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // else the system's authorities are trusted too
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_download);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  set_bounds(easy);
  set_body(easy);
  return easy;
}

void CurlMulti::Transfer::set_bounds(CURL* easy) const {
  const CurlLimits& limits = multi_.limits_;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(ceil_ms(limits.connect_timeout)));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits.slow_bytes_per_s));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(ceil_seconds(limits.slow_for)));
#if LIBCURL_VERSION_NUM >= 0x075700
  // Without it, cancelling during name resolution would wait for the resolver thread.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

void CurlMulti::Transfer::set_body(CURL* easy) {
  if (call_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (call_.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(call_.body ? call_.body->bytes.size() : 0));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
  } else if (call_.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call_.method.c_str());
  }
}

size_t CurlMulti::Transfer::on_upload(char* to, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  if (!transfer->call_.body) return 0;
  const std::string_view left = std::string_view(transfer->call_.body->bytes).substr(transfer->sent_);
  const size_t taken = std::min(left.size(), size * count);
  std::memcpy(to, left.data(), taken);
  transfer->sent_ += taken;
  return taken;
}

// libcurl retries on a new connection after an idle one turned out to be closed.
int CurlMulti::Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto* transfer = static_cast<Transfer*>(self);
  const size_t size = transfer->call_.body ? transfer->call_.body->bytes.size() : 0;
  if (origin != SEEK_SET || offset < 0 || static_cast<size_t>(offset) > size) return CURL_SEEKFUNC_FAIL;
  transfer->sent_ = static_cast<size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

size_t CurlMulti::Transfer::on_download(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->take({bytes, size * count}) ? size * count : 0;
}

// False: the response is too large.
bool CurlMulti::Transfer::take(std::string_view piece) {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  std::string& body = reply_.body;
  if (status / 100 != 2) {  // kept for the error message
    body.append(piece.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, body.size())));
    return true;
  }
  curl_off_t announced = -1;
  if (body.empty()) curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  too_large_ = piece.size() > call_.reply_bytes_max - body.size() ||
               (announced > 0 && static_cast<size_t>(announced) > call_.reply_bytes_max);
  if (too_large_) return false;
  if (announced > 0) body.reserve(static_cast<size_t>(announced));
  body.append(piece);
  return true;
}

Result<HttpReply> CurlMulti::Transfer::result_of(CURLcode code) {
  if (too_large_) return Error{ErrorCode::exhausted, describe(call_) + ": the response is too large"};
  if (code != CURLE_OK) {
    // Only libcurl's details say which certificate is wrong, and how.
    const bool by_tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR;
    const char* const what = by_tls && details_[0] != '\0' ? details_.data() : curl_easy_strerror(code);
    return Error{code_of(code), describe(call_) + ": " + what};
  }
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &reply_.status);
  const char* type = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) reply_.content_type = type;
  curl_header* field = nullptr;
  if (call_.field_wanted != nullptr &&
      curl_easy_header(easy_, call_.field_wanted, 0, CURLH_HEADER, -1, &field) == CURLHE_OK) {
    reply_.field = field->value;
  }
  return std::move(reply_);
}

void CurlMulti::Transfer::on_ended(CURLcode code) { end(result_of(code)); }

void CurlMulti::Transfer::on_timer() {
  end(refused_ ? Error{ErrorCode::exhausted, describe(call_) + ": too many requests at once"}
               : Error{ErrorCode::timeout, describe(call_) + ": timed out"});
}

// Releases its slot, which admits the next waiting transfer.
void CurlMulti::Transfer::release() {
  const State state = std::exchange(state_, State::ended);
  timer_.stop();
  if (state == State::waiting) std::erase(multi_.waiting_, this);
  if (state != State::transferring) return;
  curl_multi_remove_handle(multi_.multi_, easy_);
  curl_easy_cleanup(std::exchange(easy_, nullptr));
  curl_slist_free_all(std::exchange(fields_, nullptr));
  --(call_.urgent ? multi_.urgent_ : multi_.transfers_);
  multi_.admit();
}

// The only exit besides destruction. The callback may destroy this.
void CurlMulti::Transfer::end(Result<HttpReply> result) {
  release();
  const Callback done = std::move(done_);
  done(std::move(result));
}

}  // namespace tidegate::api
