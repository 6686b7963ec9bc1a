// One request of CurlMulti's: its easy handle, what goes up and what comes down. Its holder owns it; CurlMulti outlives
// it and tells it when to begin and how it ended.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "api/store/curl_multi.h"

namespace tidegate::api {

class CurlMulti::Transfer final : public net::Operation {
 public:
  Transfer(CurlMulti& multi, HttpCall call, Callback done);
  ~Transfer() override { leave(); }

  bool urgent() const { return call_.urgent; }
  // From waiting, or from nowhere, to transferring.
  void begin();
  // The end of a transfer, as libcurl has it.
  void on_ended(CURLcode code);
  // The end of what never began: too much is under way.
  void refuse();

 private:
  enum class State { idle, waiting, transferring, ended };
  friend class CurlMulti;

  static size_t on_upload(char* to, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static size_t on_download(char* bytes, size_t size, size_t count, void* self);

  CURL* make_easy();
  void set_bounds(CURL* easy) const;
  void set_body(CURL* easy);
  bool take(std::string_view piece);
  Result<HttpReply> outcome(CURLcode code);
  void on_deadline();
  void leave();
  void end(Result<HttpReply> result);

  CurlMulti& multi_;
  const HttpCall call_;
  Callback done_;
  State state_ = State::idle;
  bool refused_ = false;
  net::Timer deadline_;
  CURL* easy_ = nullptr;  // transferring
  curl_slist* fields_ = nullptr;
  size_t sent_ = 0;
  bool too_large_ = false;
  HttpReply reply_;
};

}  // namespace tidegate::api
