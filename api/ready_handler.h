// GET /ready: 200 {"status":"ready"}, or 503 {"status":"not ready","failed":{"store":"…","tidegate":"…"}}. Each is
// given two seconds.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/lookup.h"
#include "api/quiet_handler.h"
#include "net/timer.h"

namespace tidegate::api {

class ReadyHandler final : public QuietHandler {
 public:
  ReadyHandler(const Backend& backend, http::Responder& responder);
  void on_client_gone() override { stop(); }

 private:
  void on_checked(const char* what, const std::string& failure);
  void on_late();
  void answer();
  void stop();

  http::Responder& responder_;
  std::unique_ptr<net::Operation> store_;
  std::unique_ptr<net::Operation> tidegate_;
  net::Timer late_;
  std::map<std::string, std::string> waiting_;  // what is not known yet, with what it is if it stays so
  std::map<std::string, std::string> failed_;
};

}  // namespace tidegate::api
