#include "api/ready_handler.h"

#include "base/json_writer.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

constexpr Duration kCheckTimeout = 2s;

}  // namespace

ReadyHandler::ReadyHandler(const Backend& backend, http::Responder& responder)
    : responder_(responder),
      late_(backend.runtime, [this] { on_late(); }),
      waiting_{{"store", "no answer within 2 s"}, {"tidegate", "no answer within 2 s"}} {
  late_.start_after(kCheckTimeout);
  store_ = backend.store.check([this](const Status& status) {
    if (!status) log_warn("not_ready", {{"store", status.error().message}});
    on_checked("store", status ? "" : "not writable");
  });
  tidegate_ = backend.tidegate.ping([this](const Result<http::FetchResponse>& response) {
    if (!response) log_warn("not_ready", {{"tidegate", response.error().message}});
    on_checked("tidegate", response ? "" : to_string(response.error().code));
  });
}

void ReadyHandler::on_checked(const char* what, const std::string& failure) {
  waiting_.erase(what);
  if (!failure.empty()) failed_.emplace(what, failure);
  if (waiting_.empty()) answer();
}

void ReadyHandler::on_late() {
  failed_.merge(waiting_);
  answer();
}

void ReadyHandler::answer() {
  stop();
  if (failed_.empty()) return send(responder_, json_reply(200, R"({"status":"ready"})"));
  JsonWriter failed;
  for (const auto& [what, why] : failed_) failed.field(what, why);
  JsonWriter json;
  json.field("status", "not ready").raw("failed", failed.take());
  send(responder_, json_reply(503, json.take(), "Retry-After: 2\r\n"));
}

void ReadyHandler::stop() {
  late_.stop();
  store_.reset();
  tidegate_.reset();
}

}  // namespace tidegate::api
