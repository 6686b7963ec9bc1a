// GET /ready: 200 {"status":"ready"}, or 503 {"status":"not ready","failed":{"redis":"unavailable"}}, within 2 s. A
// service that is shutting down is not ready. Tidegate is available if it responds at all: the state of the optimizer
// does not matter here.
#pragma once

#include <optional>
#include <utility>

#include "api/http/handler_base.h"
#include "api/http/reply.h"
#include "api/ready/ready_check.h"

namespace tidegate::api {

Reply ready_reply(const ReadyCheck::Findings& findings);

class ReadyHandler final : public HandlerBase {
 public:
  // `on_findings` gets the findings before the client does.
  ReadyHandler(http::Responder& responder, const std::vector<Dependency>& dependencies,
               ReadyCheck::Callback on_findings)
      : check_(std::in_place, responder.runtime(), dependencies,
               [&responder, on_findings = std::move(on_findings)](const auto& findings) {
                 on_findings(findings);
                 send(responder, ready_reply(findings));
               }) {}
  void on_client_gone() override { check_.reset(); }

 private:
  std::optional<ReadyCheck> check_;
};

}  // namespace tidegate::api
