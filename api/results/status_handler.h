// GET /status/KEY: the state of an upload. The lookup also brings a finished result from Tidegate into the store.
#pragma once

#include <memory>
#include <string>

#include "api/http/handler_base.h"
#include "api/lookup/lookup.h"
#include "api/upload/flight.h"

namespace tidegate::api {

// {"key","status","attempt","max_attempts","deferrals","next_attempt_at","url","error"}; a member that does not apply is null.
Reply status_reply(const std::string& key, const Finding& finding);

class StatusHandler final : public HandlerBase {
 public:
  // An upload in `flights` has no response yet: its status is "processing".
  StatusHandler(const Backend& backend, const Flights& flights, http::Responder& responder, const std::string& key);
  void on_client_gone() override { lookup_.reset(); }

 private:
  std::unique_ptr<net::Operation> lookup_;
};

}  // namespace tidegate::api
