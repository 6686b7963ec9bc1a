// The demonstration on the page: it sets a fault of the optimizer and shows the state of the breaker.
//
//   GET  /demo                  {"faults":true,"mode":"error","breaker":{"state":"open","reason":"…","retry_in_s":12}}
//   POST /demo/fault {"mode"}   none, error, hang, slow or down; refused to pages of other sites
//
// The paths exist only with FAULT_URL or ADMIN_URL. With ADMIN_URL alone, the breaker is shown but no fault can be set.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/http/small_body_handler.h"
#include "http/client/fetch.h"

namespace tidegate::api {

class DemoHandler final : public HandlerBase {
 public:
  // `faults`: the optimizer's /fault. `admin`: Tidegate's admin interface. One that does not respond within a second is
  // null in the response.
  DemoHandler(http::Responder& responder, const std::optional<http::HttpUrl>& faults,
              const std::optional<http::HttpUrl>& admin);
  void on_client_gone() override;

 private:
  void respond_when_complete();

  http::Responder& responder_;
  const bool has_faults_;
  std::string mode_;     // as JSON; "": pending
  std::string breaker_;  // likewise
  std::unique_ptr<net::Operation> mode_request_;
  std::unique_ptr<net::Operation> breaker_request_;
};

class FaultHandler final : public SmallBodyHandler {
 public:
  // `client_ip` is for the log.
  FaultHandler(http::Responder& responder, http::HttpUrl faults, std::string client_ip);
  void on_client_gone() override { step_.reset(); }

 private:
  void on_whole_body(std::string body) override;
  void on_fault_set(const Result<http::FetchResponse>& response);

  const http::HttpUrl faults_;
  const std::string client_ip_;
  std::unique_ptr<net::Operation> step_;
};

// The optimizer's breaker in Tidegate's /api/status: {"state","reason","retry_in_s"}; "null": there is none.
std::string breaker_json(std::string_view status);

}  // namespace tidegate::api
