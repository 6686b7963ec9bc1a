// The parser alone against every case of shared/cases.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "unit/http/parser/cases.h"
#include "unit/http/parser/transcript.h"

using namespace tidegate::test;

namespace {

constexpr size_t kSplitEverywhereMax = 4096;

// Expected to be refused, but not by the parser: who refuses, and why the parser cannot.
const std::map<std::string, std::string> kHigherLayer = {
    {"CN-017", "the gateway: an OPTIONS with Max-Forwards 0 is well-formed; it must be answered, not forwarded"},
    {"CL-038", "the server: a length that no body limit allows is 413"},
    {"CL-039", "the server: 413 by the body limit, or 408 when the body does not come"},
    {"CL-060", "the server: the client ends the connection inside the body"},
    {"CL-061", "the server: body_timeout"},
    {"CL-062", "the server: 413 by the body limit"},
    {"CK-051", "the server: the client ends the connection before the last CRLF"},
    {"LR-001", "the gateway: rate limit"},
    {"LR-004", "the gateway: queued with 202"},
    {"LR-005", "the server: body limit"},
    {"LR-007", "the server: the client ends the connection inside the body"},
    {"LR-009", "the gateway: record limit"},
    {"TO-001", "the server: header_timeout"},
    {"TO-004", "the server: header_timeout"},
    {"TO-006", "the server: header_timeout"},
    {"TO-007", "the server: header_timeout"},
    {"TO-008", "the server: header_timeout"},
    {"TO-009", "the server: header_timeout"},
    {"TO-010", "the server: header_timeout"},
    {"TO-011", "the server: header_timeout"},
    {"TO-012", "the server: body_timeout"},
};

// Accepted requests followed by bytes that must then be refused.
const std::set<std::string> kRefusedAfterwards = {"PL-003", "CK-056"};
// The body comes only after a 100.
const std::set<std::string> kBodyLater = {"EX-002"};

bool status_fits(const RequestCase& one, int status) {
  return one.reject_status.empty() ||
         std::find(one.reject_status.begin(), one.reject_status.end(), status) != one.reject_status.end();
}

void check_every_cut(const std::string& raw, const Transcript& expected) {
  CHECK(read_requests(raw, single) == expected);
  if (raw.size() > kSplitEverywhereMax) return;
  for (size_t at = 1; at < raw.size(); ++at) {
    const auto cut = [&](std::string_view rest) { return rest.size() == raw.size() ? at : rest.size(); };
    const Transcript split = read_requests(raw, cut);
    if (!(split == expected)) {
      CAPTURE(at);
      CHECK(split.text == expected.text);
      return;
    }
  }
}

void check_case(const RequestCase& one) {
  CAPTURE(one.id);
  CAPTURE(one.raw.substr(0, 200));
  const Transcript result = read_requests(one.raw);
  CAPTURE(result.text.substr(0, 400));
  check_every_cut(one.raw, result);
  if (kHigherLayer.contains(one.id)) {
    CHECK_FALSE(result.refused);
  } else if (one.expect == "reject") {
    CHECK(result.refused);
    if (result.refused) CHECK(status_fits(one, result.error.status));
  } else {
    CHECK(result.refused == kRefusedAfterwards.contains(one.id));
    CHECK((result.messages >= 1 || kBodyLater.contains(one.id)));
    CHECK(result.first_target.find("smuggled") == std::string::npos);
  }
}

}  // namespace

TEST_CASE("every request case gets the verdict it expects, however its bytes are cut") {
  const auto cases = load_request_cases();
  if (cases.empty()) {
    MESSAGE("shared/cases/http1_requests.json is absent: skipped");
    return;
  }
  for (const RequestCase& one : cases) check_case(one);
}

TEST_CASE("what llhttp alone lets through is caught") {
  const auto cases = load_request_cases();
  const auto ids = load_llhttp_gap_ids();
  if (cases.empty() || ids.empty()) {
    MESSAGE("shared/cases/llhttp_gaps.json is absent: skipped");
    return;
  }
  int caught = 0;
  for (const RequestCase& one : cases) {
    if (!std::binary_search(ids.begin(), ids.end(), one.id) || one.expect != "reject") continue;
    if (kHigherLayer.contains(one.id)) continue;
    CAPTURE(one.id);
    CHECK(read_requests(one.raw).refused);
    ++caught;
  }
  CHECK(caught >= 60);
}

TEST_CASE("the request smuggled behind a closing one is never read") {
  for (const RequestCase& one : load_request_cases()) {
    if (one.id != "CN-002" && one.id != "CN-003") continue;
    CAPTURE(one.id);
    const Transcript result = read_requests(one.raw);
    CHECK(result.messages == 1);
    CHECK(result.unread > 0);
    CHECK(result.text.find("smuggled") == std::string::npos);
  }
}

TEST_CASE("every response case gets the verdict it expects, however its bytes are cut") {
  // Decided above the parser: the number of interim responses, a 101 that nobody asked for, time.
  const std::set<std::string> higher = {"UI-003", "UI-005", "UI-006", "UT-004", "UT-005", "UT-010", "UT-014"};
  const auto cases = load_response_cases();
  if (cases.empty()) {
    MESSAGE("shared/cases/http1_responses.json is absent: skipped");
    return;
  }
  for (const ResponseCase& one : cases) {
    if (higher.contains(one.id)) continue;
    CAPTURE(one.id);
    const Transcript result = read_response(one.raw, one.to_head, one.ends);
    CAPTURE(result.text.substr(0, 400));
    CHECK(read_response(one.raw, one.to_head, one.ends, single) == result);
    const bool good = one.expect == "forward" || one.expect == "forward-normalized";
    CHECK(result.refused == !good);
    if (result.refused) CHECK(result.error.status == 502);
    // UT-009 answers while the request is still being sent: known to the connection, not to the parser.
    if (good && one.must_not_reuse && one.id != "UT-009") CHECK((!result.last_kept || result.unread > 0));
  }
}
