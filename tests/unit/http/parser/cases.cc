#include "unit/http/parser/cases.h"

#include <fstream>
#include <map>
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

std::vector<std::string> byte_strings(const json& one, const char* key) {
  std::vector<std::string> list;
  for (const json& each : one.value(key, json::array())) list.push_back(to_bytes(each.get<std::string>()));
  return list;
}

RequestCase request_case(const json& one) {
  RequestCase result;
  result.id = one["id"];
  result.raw = raw_of(one);
  result.expect = one["expect"];
  result.mode = one.value("mode", "normal");
  result.precondition = one.value("precondition", "");
  result.must_close = one["must_close"];
  result.upstream_max_requests = one["upstream_max_requests"];
  if (one.contains("responses")) result.responses = one["responses"].get<size_t>();
  if (one.contains("reject_status") && one["reject_status"].is_array()) {
    result.reject_status = one["reject_status"].get<std::vector<int>>();
  }
  const std::string target = one.value("upstream_forbid_request", "-");
  if (target != "-") result.forbidden_request = target;
  result.forbidden = byte_strings(one, "upstream_forbid_bytes");
  result.necessary = byte_strings(one, "upstream_need_bytes");
  return result;
}

UpstreamStep upstream_step(const json& one) {
  using Kind = UpstreamStep::Kind;
  using std::chrono::milliseconds;
  constexpr milliseconds kDripGap{20};
  if (one.contains("send")) return {Kind::send, to_bytes(one["send"].get<std::string>())};
  if (one.contains("send_repeat")) {
    const json& part = one["send_repeat"];
    return {Kind::send, to_bytes(part[0].get<std::string>()), part[1].get<int>(), milliseconds(one.value("gap_ms", 0))};
  }
  if (one.contains("sleep_ms")) return {Kind::sleep, "", 1, milliseconds(one["sleep_ms"].get<int>())};
  if (one.contains("drip")) return {Kind::drip, "", 1, kDripGap};
  static const std::map<std::string, Kind> kinds = {
      {"close", Kind::close},   {"reset", Kind::reset},         {"read_request", Kind::read_request},
      {"refuse", Kind::refuse}, {"blackhole", Kind::blackhole}, {"client_aborts", Kind::client_aborts}};
  return {kinds.at(one.begin().key())};
}

ResponseCase response_case(const json& one) {
  ResponseCase result;
  result.id = one["id"];
  result.expect = one["expect"];
  result.method = one["request"]["method"];
  result.body_bytes = one["request"]["body_len"];
  result.to_head = result.method == "HEAD";
  result.must_not_reuse = one["upstream_conn_must_not_be_reused"];
  result.forbidden = byte_strings(one, "client_forbid_bytes");
  result.necessary = byte_strings(one, "client_need_bytes");
  for (const json& each : one["upstream_steps"]) {
    const UpstreamStep& step = result.steps.emplace_back(upstream_step(each));
    for (int n = step.times; n > 0; --n) result.raw += step.bytes;
    result.ends = result.ends || step.kind == UpstreamStep::Kind::close || step.kind == UpstreamStep::Kind::reset;
  }
  return result;
}

}  // namespace

std::vector<RequestCase> load_request_cases() {
  std::vector<RequestCase> cases;
  const json all = read_json("http1_requests.json");
  if (all.is_null()) return cases;
  for (const json& one : all["cases"]) cases.push_back(request_case(one));
  return cases;
}

std::vector<ResponseCase> load_response_cases() {
  std::vector<ResponseCase> cases;
  const json all = read_json("http1_responses.json");
  if (all.is_null()) return cases;
  for (const json& one : all["cases"]) cases.push_back(response_case(one));
  return cases;
}

std::vector<Payload> load_third_party_payloads() {
  std::vector<Payload> payloads;
  for (const std::string name :
       {"apache_http_strict", "gunicorn_requests", "http_garden_trophies", "llhttp_md", "smuggler_gadgets"}) {
    const json all = read_json("third_party/" + name + ".json");
    if (all.is_null()) continue;
    for (const json& one : all["cases"]) {
      const bool is_response = one.value("type", "request").starts_with("response");
      for (const char* key : {"raw", "raw_clte", "raw_tecl"}) {
        if (!one.contains(key)) continue;
        payloads.push_back({name + ": " + one["id"].get<std::string>(), to_bytes(one[key]), is_response});
      }
    }
  }
  return payloads;
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
