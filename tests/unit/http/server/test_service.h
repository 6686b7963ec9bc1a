// A service whose responses depend on the path, and a log of what its handlers were told.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/server/server.h"

namespace tidegate::test {

// /echo      the body, once it is whole
// /now       "hello", inside on_request
// /early     responds at once, whatever body comes
// /wait      responds when respond_to_waiting() is called
// /hints     twelve 103, then as /wait
// /chunks    three pieces of unknown length
// /half      promises 10 bytes, sends 4, aborts
// /short     promises 10 bytes, sends 4, finishes
// /empty     204
// /big       size_t big_bytes, as the client takes them
// /paused    takes its body only after resume_paused(), counts it, then responds
// /drop      aborts inside on_request
class TestService final : public http::Service {
 public:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;

  void respond_to_waiting();
  void resume_paused();

  size_t big_bytes = 0;
  size_t big_pending_max = 0;    // most that /big left unsent
  size_t body_bytes = 0;         // taken by /paused and /echo
  std::vector<std::string> log;  // "request /x", "end", "gone", "error 413", "refused 400", "drained"
  std::vector<http::Responder*> waiting;
  http::Responder* paused = nullptr;
  bool has(std::string_view entry) const;
};

}  // namespace tidegate::test
