#include "unit/api/fixture.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/http/handler_base.h"
#include "base/log.h"
#include "unit/api/picture/sample_pictures.h"

namespace tidegate::api::test {

class ScriptedTidegate::Exchange final : public HandlerBase {
 public:
  Exchange(ScriptedTidegate& owner, http::Responder& responder) : owner_(owner), responder_(responder) {
    const http::RequestHead& head = responder.request();
    seen_.method = head.method;
    seen_.target = head.target;
    for (const auto& [name, value] : head.fields) seen_.fields.emplace(name, value);
  }
  ~Exchange() override { std::erase(owner_.held_, this); }

  void on_body(std::string_view piece) override { seen_.body += piece; }
  void on_body_end() override {
    owner_.seen.push_back(seen_);
    const auto response = owner_.respond ? owner_.respond(seen_) : std::nullopt;
    response ? give(*response) : owner_.held_.push_back(this);
  }
  void on_client_gone() override { std::erase(owner_.held_, this); }
  void give(const Response& response) {
    responder_.respond(response.status, response.content_type, response.body, response.fields);
  }

 private:
  ScriptedTidegate& owner_;
  http::Responder& responder_;
  Seen seen_;
};

std::unique_ptr<http::Handler> ScriptedTidegate::on_request(http::Responder& responder) {
  return std::make_unique<Exchange>(*this, responder);
}

void ScriptedTidegate::release(const Response& what) {
  const std::vector<Exchange*> held = std::move(held_);
  held_.clear();
  for (Exchange* exchange : held) exchange->give(what);
}

size_t ScriptedTidegate::count(std::string_view method) const {
  return static_cast<size_t>(
      std::count_if(seen.begin(), seen.end(), [&](const Seen& s) { return s.method == method; }));
}

Fixture::Fixture(const ServiceLimits& limits, uint64_t max_upload) : limits_(limits) {
  log_set_sink([](LogLevel, std::string_view) {});
  settings_.listen = *SocketAddress::parse("127.0.0.1:0");
  settings_.optimizer = *http::parse_http_url(tidegate->url());
  settings_.optimizer.target.clear();
  settings_.max_upload = max_upload;
  restart();
}

Fixture::~Fixture() { log_set_sink({}); }

void Fixture::restart() {
  service_.reset();
  store_.reset();
  auto opened = DirectoryStore::open(runtime_, state());
  REQUIRE(opened.ok());
  store_ = std::move(*opened);
  cache_.emplace(runtime_);
  cache.emplace(runtime_, *cache_);
  store.emplace(runtime_, *store_);
  service_.emplace(runtime_, settings_, *cache, *store, limits_);
  REQUIRE(service_->listen());
}

std::unique_ptr<Fixture::Call> Fixture::begin(http::FetchRequest request) {
  auto call = std::make_unique<Call>();
  request.host = service_->address().to_string();
  call->operation = http::fetch(runtime_, std::move(request),
                                [&to = call->result](Result<http::FetchResponse> result) { to = std::move(result); });
  return call;
}

http::FetchResponse Fixture::await(Call& call) {
  until([&] { return call.result.has_value(); });
  if (!call.result->ok()) FAIL(call.result->error().message);
  return std::move(**call.result);
}

http::FetchResponse Fixture::fetch(std::string method, std::string target,
                                   std::vector<std::pair<std::string, std::string>> fields, std::string body) {
  http::FetchRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.fields = std::move(fields);
  request.body = std::move(body);
  return await(*begin(std::move(request)));
}

std::unique_ptr<Fixture::Call> Fixture::begin_upload(const std::vector<FormPart>& parts,
                                                     const std::vector<std::pair<std::string, std::string>>& fields) {
  http::FetchRequest request;
  request.method = "POST";
  request.target = "/upload";
  request.fields = {{"Content-Type", "multipart/form-data; boundary=here"}};
  request.fields.insert(request.fields.end(), fields.begin(), fields.end());
  for (const auto& [name, data] : parts) {
    request.body += "--here\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + data + "\r\n";
  }
  request.body += "--here--\r\n";
  return begin(std::move(request));
}

std::vector<FormPart> Fixture::form(const std::string& text) { return {{"image", a_png()}, {"wm_text", text}}; }

std::string a_png(size_t spare) { return png({}, spare); }

std::string marked_png() { return "\x89PNG\r\n\x1A\n with a mark"; }

void respond_to_all(Fixture& fixture, const Response& response) {
  fixture.tidegate->respond = [response](const Seen&) { return response; };
}

Response marked() { return {200, "image/png", marked_png(), ""}; }

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

std::string value_of(const http::FetchResponse& response, const char* name) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  const auto found = json.is_object() ? json.find(name) : json.end();
  if (!json.is_object() || found == json.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace tidegate::api::test
