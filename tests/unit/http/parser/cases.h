// The byte-exact cases of ../shared/cases, if that folder is there: read where they are, never copied.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidegate::test {

struct RequestCase {
  std::string id;
  std::string raw;
  std::string expect;  // reject, accept, accept-normalized
  std::string mode;    // normal, eof, timeout, …
  std::vector<int> reject_status;
  std::string precondition;  // "": none
  bool must_close = false;
  std::optional<size_t> responses;
  size_t upstream_max_requests = 0;
  std::string forbidden_request;                  // a path that the upstream must not be asked for; "": any may be
  std::vector<std::string> forbidden, necessary;  // bytes at the upstream
};

// One thing that a scripted upstream does.
struct UpstreamStep {
  enum class Kind {
    send,          // `bytes`, `times` over, with `gap` between
    drip,          // the next send goes byte by byte, `gap` apart
    sleep,         // for `gap`
    read_request,  // to its end
    close,         // FIN
    reset,
    refuse,         // does not accept connections
    blackhole,      // does not even respond to a SYN
    client_aborts,  // the client closes its connection
  };
  Kind kind = Kind::send;
  std::string bytes = {};
  int times = 1;
  std::chrono::milliseconds gap{0};
};

struct ResponseCase {
  std::string id;
  std::string raw;  // all that the upstream sends, in one
  std::string expect;
  std::string method;
  size_t body_bytes = 0;
  std::vector<UpstreamStep> steps;
  bool to_head = false;
  bool ends = false;  // the upstream closes after it
  bool must_not_reuse = false;
  std::vector<std::string> forbidden, necessary;  // bytes at the client
};

// Bytes that others have collected against HTTP servers, or against clients.
struct Payload {
  std::string id;
  std::string raw;
  bool is_response = false;
};

// Empty where the cases are absent; the test says so.
std::vector<RequestCase> load_request_cases();
std::vector<ResponseCase> load_response_cases();
std::vector<std::string> load_llhttp_gap_ids();
std::vector<Payload> load_third_party_payloads();

}  // namespace tidegate::test
