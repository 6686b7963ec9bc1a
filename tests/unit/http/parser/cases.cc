#include "unit/http/parser/cases.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace tidegate::test {

namespace {

using nlohmann::json;

json read_json(const std::string& name) {
  std::ifstream file(std::string(TIDEGATE_SOURCE_DIR) + "/../shared/cases/" + name);
  if (!file) return json();
  return json::parse(file);
}

// Each character of the file is one byte (latin-1); JSON holds it as UTF-8.
std::string to_bytes(const std::string& utf8) {
  std::string bytes;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      bytes += static_cast<char>(c);
    } else {
      bytes += static_cast<char>(((c & 3u) << 6) | (static_cast<unsigned char>(utf8[++i]) & 0x3fu));
    }
  }
  return bytes;
}

std::string repeat(const json& part) {
  const std::string bytes = to_bytes(part[0].get<std::string>());
  std::string out;
  for (int n = part[1].get<int>(); n > 0; --n) out += bytes;
  return out;
}

std::string raw_of(const json& one) {
  if (!one["raw"].is_null()) return to_bytes(one["raw"].get<std::string>());
  std::string out;
  for (const json& part : one["raw_parts"]) out += repeat(part);
  return out;
}

ResponseCase response_case(const json& one) {
  ResponseCase result;
  result.id = one["id"];
  result.expect = one["expect"];
  result.to_head = one["request"]["method"] == "HEAD";
  result.must_not_reuse = one["upstream_conn_must_not_be_reused"];
  for (const json& step : one["upstream_steps"]) {
    if (step.contains("send")) result.raw += to_bytes(step["send"].get<std::string>());
    if (step.contains("send_repeat")) result.raw += repeat(step["send_repeat"]);
    if (step.contains("close") || step.contains("reset")) result.ends = true;
  }
  return result;
}

}  // namespace

std::vector<RequestCase> load_request_cases() {
  std::vector<RequestCase> cases;
  const json all = read_json("http1_requests.json");
  if (all.is_null()) return cases;
  for (const json& one : all["cases"]) {
    RequestCase& added = cases.emplace_back();
    added.id = one["id"];
    added.raw = raw_of(one);
    added.expect = one["expect"];
    added.mode = one.value("mode", "normal");
    added.has_precondition = one.contains("precondition");
    if (one.contains("reject_status") && one["reject_status"].is_array()) {
      added.reject_status = one["reject_status"].get<std::vector<int>>();
    }
  }
  return cases;
}

std::vector<ResponseCase> load_response_cases() {
  std::vector<ResponseCase> cases;
  const json all = read_json("http1_responses.json");
  if (all.is_null()) return cases;
  for (const json& one : all["cases"]) cases.push_back(response_case(one));
  return cases;
}

std::vector<std::string> load_llhttp_gap_ids() {
  std::set<std::string> ids;
  const json all = read_json("llhttp_gaps.json");
  if (all.is_null()) return {};
  for (const json& version : all["versions"]) {
    for (const json& list : version) {
      for (const json& id : list) ids.insert(id.get<std::string>());
    }
  }
  return {ids.begin(), ids.end()};
}

}  // namespace tidegate::test
