#include "admin/pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin/respond.h"
#include "base/log.h"

namespace tidegate::admin {

namespace {

// Waits for the end of the reload, however long the body is: nothing in it matters.
class ReloadRequest final : public http::Handler {
 public:
  ReloadRequest(Reloading& reloading, http::Responder& responder)
      : reloading_(reloading), responder_(responder), link_(std::make_shared<ReloadRequest*>(this)) {}
  ~ReloadRequest() override { *link_ = nullptr; }

 private:
  void on_body(std::string_view) override {}
  void on_body_end() override {
    const auto by = responder_.request().fields.find("x-operator");
    log_info("operator_action",
             {{"action", "reload"}, {"peer", responder_.peer().to_string()}, {"operator", by ? std::string(*by) : ""}});
    reloading_.reload("api", [link = link_](const ReloadReport& report) {
      if (*link) (*link)->respond(report);
    });
  }
  void on_body_error(const http::ParseError& error) override {
    send_refusal(responder_, {error.status, "bad_request", error.detail, ""});
  }
  void on_client_gone() override { *link_ = nullptr; }
  void on_response_drained() override {}

  void respond(const ReloadReport& report) {
    if (report.applied) return respond_json(responder_, 200, reload_json(report));
    send_refusal(responder_, {409, "reload_refused", fmt::format("{}", fmt::join(report.errors, "\n")), ""});
  }

  Reloading& reloading_;
  http::Responder& responder_;
  const std::shared_ptr<ReloadRequest*> link_;  // null inside once nobody waits for the response
};

}  // namespace

std::unique_ptr<http::Handler> reload_config(Context& context, http::Responder& responder, const PathValues&) {
  if (context.reloading) return std::make_unique<ReloadRequest>(*context.reloading, responder);
  send_refusal(responder, {409, "reload_refused", "This program cannot reload its configuration.", ""});
  return nullptr;
}

}  // namespace tidegate::admin
