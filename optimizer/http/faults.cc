#include "optimizer/http/faults.h"

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "base/json_writer.h"

namespace tidegate::optimizer {

namespace {

constexpr int kDelayMaxMs = 600'000;

constexpr std::array<std::pair<std::string_view, FaultMode>, 5> kModes{{{"none", FaultMode::none},
                                                                        {"slow", FaultMode::slow},
                                                                        {"error", FaultMode::error},
                                                                        {"hang", FaultMode::hang},
                                                                        {"down", FaultMode::down}}};

Expected<Fault> make_fault(std::string_view mode, std::optional<std::string_view> ms,
                           std::optional<std::string_view> status) {
  Fault fault;
  bool known = false;
  for (const auto& [name, value] : kModes) {
    if (name != mode) continue;
    fault.mode = value;
    known = true;
  }
  if (!known) return bad_request("mode must be none, slow, error, hang or down.");
  if (ms) {
    const auto value = parse_int(*ms, 1, kDelayMaxMs);
    if (fault.mode != FaultMode::slow) return bad_request("ms is allowed only with mode=slow.");
    if (!value) return bad_request("ms must be a whole number from 1 to 600000.");
    fault.delay = std::chrono::milliseconds(*value);
  }
  if (status) {
    const auto value = parse_int(*status, 400, 599);
    if (fault.mode != FaultMode::error) return bad_request("status is allowed only with mode=error.");
    if (!value) return bad_request("status must be a whole number from 400 to 599.");
    fault.status = static_cast<uint16_t>(*value);
  }
  return fault;
}

}  // namespace

Expected<Fault> parse_fault(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return make_fault(text, std::nullopt, std::nullopt);
  const std::string_view mode = text.substr(0, colon);
  const std::string_view value = text.substr(colon + 1);
  if (mode == "slow") return make_fault(mode, value, std::nullopt);
  if (mode == "error") return make_fault(mode, std::nullopt, value);
  return bad_request("Only slow:MS and error:STATUS have a value.");
}

Expected<Fault> fault_from_query(const Query& query) {
  if (query.first_unknown({"mode", "ms", "status", "text"}))
    return bad_request("The query has an unknown parameter; allowed are mode, ms, status and text.");
  Expected<Fault> read = make_fault(query.find("mode").value_or(""), query.find("ms"), query.find("status"));
  const auto text = query.find("text");
  auto* fault = std::get_if<Fault>(&read);
  if (!text || !fault) return read;
  const bool none = fault->mode == FaultMode::none || fault->mode == FaultMode::down;
  if (none) return bad_request("text is allowed only with mode=slow, mode=error or mode=hang.");
  fault->text = *text;
  return read;
}

std::string to_json(const Fault& fault) {
  JsonWriter json;
  for (const auto& [name, mode] : kModes) {
    if (mode == fault.mode) json.field("mode", name);
  }
  if (fault.mode == FaultMode::slow) json.field("ms", ceil_ms(fault.delay));
  if (fault.mode == FaultMode::error) json.field("status", static_cast<int64_t>(fault.status));
  if (!fault.text.empty()) json.field("text", fault.text);
  return json.take();
}

}  // namespace tidegate::optimizer
