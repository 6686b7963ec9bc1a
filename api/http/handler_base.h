// The base of every handler: it ignores all events, so that a handler overrides only those that it needs. By itself it
// is the handler of a request that had its response at once.
#pragma once

#include "http/server/server.h"

namespace tidegate::api {

class HandlerBase : public http::Handler {
 public:
  void on_body(std::string_view) override {}
  void on_body_end() override {}
  void on_body_error(const http::ParseError&) override {}
  void on_client_gone() override {}
  void on_response_drained() override {}
};

}  // namespace tidegate::api
