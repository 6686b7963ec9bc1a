// The demonstration's switch, for the page: breaks and mends the optimizer, and shows what the breaker makes of it.
//
//   GET  /demo                  {"faults":true,"mode":"error","breaker":{"state":"open","reason":"…","retry_in_s":12}}
//   POST /demo/fault {"mode"}   none, error, hang, slow or down; a page of another site may not
//
// Nothing of it is there unless FAULT_URL or ADMIN_URL is set (the second alone: the breaker is shown, no switch).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/small_body_handler.h"
#include "http/client/fetch.h"

namespace tidegate::api {

class DemoHandler final : public QuietHandler {
 public:
  // `faults`: the optimizer's /fault. `admin`: Tidegate's admin interface. Who does not answer within a second is null
  // in the answer.
  DemoHandler(http::Responder& responder, const std::optional<http::HttpUrl>& faults,
              const std::optional<http::HttpUrl>& admin);
  void on_client_gone() override;

 private:
  void answer_if_known();

  http::Responder& responder_;
  const bool has_faults_;
  std::string mode_;     // as JSON; "" while it is awaited
  std::string breaker_;  // as well
  std::unique_ptr<net::Operation> asking_mode_;
  std::unique_ptr<net::Operation> asking_breaker_;
};

class FaultHandler final : public SmallBodyHandler {
 public:
  // `client_ip`: who switches, for the log.
  FaultHandler(http::Responder& responder, http::HttpUrl faults, std::string client_ip);
  void on_client_gone() override { step_.reset(); }

 private:
  void on_whole_body(std::string body) override;
  void on_switched(const Result<http::FetchResponse>& response);

  const http::HttpUrl faults_;
  const std::string client_ip_;
  std::unique_ptr<net::Operation> step_;
};

// The breaker before the optimizer, from Tidegate's /api/status: {"state","reason","retry_in_s"}; "null" where there is
// none.
std::string breaker_json(std::string_view status);

}  // namespace tidegate::api
