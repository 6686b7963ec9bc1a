// The base of handlers that need the whole of a small body: collects it up to a limit, then passes it on.
#pragma once

#include <string>

#include "api/http/handler_base.h"

namespace tidegate::api {

class SmallBodyHandler : public HandlerBase {
 public:
  void on_body(std::string_view piece) final;
  void on_body_end() final;
  void on_body_error(const http::ParseError& error) final;

 protected:
  // A larger body gets a 413.
  SmallBodyHandler(http::Responder& responder, size_t bytes_max) : responder_(responder), bytes_max_(bytes_max) {}

  // Sends the response, now or later.
  virtual void on_whole_body(std::string body) = 0;

  http::Responder& responder_;

 private:
  const size_t bytes_max_;
  std::string body_;
  bool refused_ = false;
};

}  // namespace tidegate::api
