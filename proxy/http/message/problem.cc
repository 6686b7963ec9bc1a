#include "http/message/problem.h"

#include "base/json_writer.h"
#include "http/message/writer.h"

namespace tidegate::http {

std::string problem_json(const Problem& problem, std::initializer_list<ProblemExtra> extras) {
  JsonWriter json;
  json.field("type", problem.type);
  json.field("title", problem.title.empty() ? reason_phrase(problem.status) : problem.title);
  json.field("status", static_cast<int64_t>(problem.status));
  if (!problem.detail.empty()) json.field("detail", problem.detail);
  if (!problem.instance.empty()) json.field("instance", problem.instance);
  if (!problem.reason.empty()) json.field("reason", problem.reason);
  for (const auto& [name, value] : extras) json.raw(name, value);
  return json.take();
}

}  // namespace tidegate::http
