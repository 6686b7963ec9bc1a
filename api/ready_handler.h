// GET /ready: 200 {"status":"ready"}, or 503 {"status":"not ready","failed":{"redis":"unavailable"}}, within 2 s. A
// service that is stopping is not ready. Tidegate is well when it answers anything: what the optimizer does is no
// matter.
#pragma once

#include <optional>
#include <utility>

#include "api/quiet_handler.h"
#include "api/ready_check.h"
#include "api/reply.h"

namespace tidegate::api {

// `failed`: why, by name; those that are "" are well.
Reply ready_reply(const ReadyCheck::Findings& failed);

class ReadyHandler final : public QuietHandler {
 public:
  // `found`: told of what has been found.
  ReadyHandler(http::Responder& responder, const std::vector<Dependency>& dependencies, ReadyCheck::Callback found)
      : check_(std::in_place, responder.runtime(), dependencies,
               [&responder, found = std::move(found)](const auto& findings) {
                 found(findings);
                 send(responder, ready_reply(findings));
               }) {}
  void on_client_gone() override { check_.reset(); }

 private:
  std::optional<ReadyCheck> check_;
};

}  // namespace tidegate::api
