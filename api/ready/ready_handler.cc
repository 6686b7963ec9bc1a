#include "api/ready/ready_handler.h"

#include "base/json_writer.h"

namespace tidegate::api {

Reply ready_reply(const ReadyCheck::Findings& findings) {
  JsonWriter failed;
  bool is_ready = true;
  for (const auto& [name, reason] : findings) {
    if (reason.empty()) continue;
    failed.field(name, reason);
    is_ready = false;
  }
  if (is_ready) return json_reply(200, R"({"status":"ready"})");
  JsonWriter json;
  json.field("status", "not ready").raw("failed", failed.take());
  return json_reply(503, json.take(), "Retry-After: 2\r\n");
}

}  // namespace tidegate::api
