// A request whose whole body is wanted, and is small: collected within a bound, then handed on.
#pragma once

#include <string>

#include "api/quiet_handler.h"

namespace tidegate::api {

class SmallBodyHandler : public QuietHandler {
 public:
  void on_body(std::string_view piece) final;
  void on_body_end() final;
  void on_body_error(const http::ParseError& error) final;

 protected:
  // A larger body is refused with 413.
  SmallBodyHandler(http::Responder& responder, size_t bytes_max) : responder_(responder), bytes_max_(bytes_max) {}

  // Answers, now or later.
  virtual void on_whole_body(std::string body) = 0;

  http::Responder& responder_;

 private:
  const size_t bytes_max_;
  std::string body_;
  bool refused_ = false;
};

}  // namespace tidegate::api
