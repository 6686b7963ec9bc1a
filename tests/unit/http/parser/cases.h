// The byte-exact cases of ../shared/cases, if that folder is there: read where they are, never copied.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidegate::test {

struct RequestCase {
  std::string id;
  std::string raw;
  std::string expect;  // reject, accept, accept-normalized
  std::string mode;    // normal, eof, timeout, …
  std::vector<int> reject_status;
  bool has_precondition = false;
};

struct ResponseCase {
  std::string id;
  std::string raw;  // all that the upstream sends, in one
  std::string expect;
  bool to_head = false;
  bool ends = false;  // the upstream closes after it
  bool must_not_reuse = false;
};

// Empty where the cases are absent; the test says so.
std::vector<RequestCase> load_request_cases();
std::vector<ResponseCase> load_response_cases();
std::vector<std::string> load_llhttp_gap_ids();

}  // namespace tidegate::test
