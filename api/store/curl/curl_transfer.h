// One request of CurlMulti: its easy handle, its request body and its response. Owned by the caller of start().
// CurlMulti must outlive it, and calls begin() and on_ended().
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "api/store/curl/curl_multi.h"

namespace tidegate::api {

class CurlMulti::Transfer final : public net::Operation {
 public:
  Transfer(CurlMulti& multi, HttpCall call, Callback done);
  ~Transfer() override { release(); }

  bool urgent() const { return call_.urgent; }
  // Starts the transfer; from idle or waiting.
  void begin();
  // libcurl has finished the transfer.
  void on_ended(CURLcode code);
  // Fails later without a transfer: too many requests at once.
  void refuse_soon();

 private:
  // As curl_multi.h draws them, for one request.
  enum class State { idle, waiting, transferring, ended };
  friend class CurlMulti;

  static size_t on_upload(char* to, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static size_t on_download(char* bytes, size_t size, size_t count, void* self);

  CURL* make_easy();
  void set_bounds(CURL* easy) const;
  void set_body(CURL* easy);
  bool take(std::string_view piece);
  Result<HttpReply> result_of(CURLcode code);
  void on_timer();
  void release();
  void end(Result<HttpReply> result);

  CurlMulti& multi_;
  const HttpCall call_;
  Callback done_;
  State state_ = State::idle;
  bool refused_ = false;
  net::Timer timer_;
  CURL* easy_ = nullptr;  // transferring
  curl_slist* fields_ = nullptr;
  size_t sent_ = 0;
  bool too_large_ = false;
  HttpReply reply_;
  std::array<char, CURL_ERROR_SIZE> details_{};  // of a failure, by libcurl
};

}  // namespace tidegate::api
