// A request whose body is of no interest, and whose answer is sent at once: what the other handlers differ from.
#pragma once

#include "http/server/server.h"

namespace tidegate::api {

class QuietHandler : public http::Handler {
 public:
  void on_body(std::string_view) override {}
  void on_body_end() override {}
  void on_body_error(const http::ParseError&) override {}
  void on_client_gone() override {}
  void on_response_drained() override {}
};

}  // namespace tidegate::api
