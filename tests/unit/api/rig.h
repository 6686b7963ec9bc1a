// The service on real sockets of this machine, before a Tidegate that says what the test tells it to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/service.h"
#include "api/store/directory_store.h"
#include "http/client/fetch.h"
#include "net/uv/uv_runtime.h"
#include "unit/api/scratch.h"
#include "unit/api/wrapped.h"

namespace tidegate::api::test {

// What stands in for Tidegate. Handles GET and POST; everything is answered by `answer`, or held where it gives
// nothing.
class ScriptedTidegate final : private http::Service {
 public:
  struct Seen {
    std::string method;
    std::string target;
    std::map<std::string, std::string> fields;
    std::string body;
  };
  struct Answer {
    uint16_t status = 200;
    std::string content_type;
    std::string body;
    std::string fields;
  };

  explicit ScriptedTidegate(net::Runtime& runtime) : server_(runtime, http::ServerLimits{}, *this) {
    REQUIRE(server_.listen(*SocketAddress::parse("127.0.0.1:0")));
  }

  std::string url() const { return "http://" + server_.address().to_string(); }
  // Of requests that are seen whole. Nothing: it is held, until release().
  std::function<std::optional<Answer>(const Seen&)> answer;
  void release(const Answer& answer);
  size_t held() const { return held_.size(); }
  size_t count(std::string_view method) const;

  std::vector<Seen> seen;

 private:
  class Exchange;
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  http::Service::Refusal on_refused(const http::ParseError&, const SocketAddress&) override { return {}; }

  std::vector<Exchange*> held_;
  http::Server server_;
};

struct FormPart {
  std::string name;
  std::string data;
};

class Rig {
 public:
  explicit Rig(const ServiceLimits& limits = {}, uint64_t max_upload = 1 << 20);
  ~Rig();

  // One request under way; destroying it is going away.
  struct Call {
    std::optional<Result<http::FetchResponse>> result;
    std::unique_ptr<net::Operation> operation;
  };
  std::unique_ptr<Call> begin(http::FetchRequest request);
  http::FetchResponse await(Call& call);
  http::FetchResponse fetch(std::string method, std::string target,
                            std::vector<std::pair<std::string, std::string>> fields = {}, std::string body = {});
  http::FetchResponse get(std::string target) { return fetch("GET", std::move(target)); }

  std::unique_ptr<Call> begin_upload(const std::vector<FormPart>& parts,
                                     const std::vector<std::pair<std::string, std::string>>& fields = {});
  http::FetchResponse upload(const std::vector<FormPart>& parts) { return await(*begin_upload(parts)); }
  // The picture of these tests, marked with `text`.
  http::FetchResponse upload(const std::string& text = "NWS") { return upload(form(text)); }
  static std::vector<FormPart> form(const std::string& text);

  // Every wait ends with the limits of the calls (10 s), or of the test program.
  void until(const std::function<bool()>& condition) {
    while (!condition()) runtime_.run_once();
  }
  WallTime wall_now() const { return runtime_.wall_now(); }
  void run_once() { runtime_.run_once(); }
  net::Runtime& runtime() { return runtime_; }
  // With what settings() says by then.
  void restart();
  Settings& settings() { return settings_; }
  std::filesystem::path state() const { return scratch_.path() / "state"; }
  ApiService& service() { return *service_; }

 private:
  Scratch scratch_;
  net::UvRuntime runtime_;

 public:
  std::optional<ScriptedTidegate> tidegate{std::in_place, runtime_};

 private:
  Settings settings_;
  const ServiceLimits limits_;
  std::optional<MemoryCache> cache_;
  std::unique_ptr<DirectoryStore> store_;

 public:
  std::optional<WrappedCache> cache;  // new ones with each restart
  std::optional<WrappedStore> store;

 private:
  std::optional<ApiService> service_;
};

std::string a_png(size_t spare = 0);  // what is sent; longer by 12 more than `spare`, where there is any
std::string marked_png();             // what comes back

using Answer = ScriptedTidegate::Answer;
using Seen = ScriptedTidegate::Seen;

// Every request of the service's from now on.
void answer_all(Rig& rig, const Answer& answer);
Answer marked();

size_t files_in(const std::filesystem::path& folder);

// A value of a JSON object, as text; "null" for null, "" where there is none.
std::string value_of(const http::FetchResponse& response, const char* name);

}  // namespace tidegate::api::test
