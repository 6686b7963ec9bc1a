// The fixture of most tests: the service on real sockets of this machine, in front of a scripted Tidegate.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/cache/memory_cache.h"
#include "api/service.h"
#include "api/store/directory/directory_store.h"
#include "http/client/fetch.h"
#include "net/uv/uv_runtime.h"
#include "unit/api/scratch_folder.h"
#include "unit/api/wrapped_stores.h"

namespace tidegate::api::test {

// Plays Tidegate, for any path and method: `respond` gives the response to each request, or holds it.
class ScriptedTidegate final : private http::Service {
 public:
  struct Seen {
    std::string method;
    std::string target;
    std::map<std::string, std::string> fields;
    std::string body;
  };
  struct Response {
    uint16_t status = 200;
    std::string content_type;
    std::string body;
    std::string fields;
  };

  explicit ScriptedTidegate(net::Runtime& runtime) : server_(runtime, http::ServerLimits{}, *this) {
    REQUIRE(server_.listen(*SocketAddress::parse("127.0.0.1:0")));
  }

  std::string url() const { return "http://" + server_.address().to_string(); }
  // Called with each whole request. Nothing: the request is held until release().
  std::function<std::optional<Response>(const Seen&)> respond;
  void release(const Response& response);
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

class Fixture {
 public:
  explicit Fixture(const ServiceLimits& limits = {}, uint64_t max_upload = 1 << 20);
  ~Fixture();

  // A request in progress; destroying it disconnects the client.
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
  // Uploads the picture of these tests with `text`.
  http::FetchResponse upload(const std::string& text = "NWS") { return upload(form(text)); }
  static std::vector<FormPart> form(const std::string& text);

  // A wait that never ends is ended by the timeout of the calls (10 s), or of the test program.
  void until(const std::function<bool()>& condition) {
    while (!condition()) runtime_.run_once();
  }
  WallTime wall_now() const { return runtime_.wall_now(); }
  void run_once() { runtime_.run_once(); }
  net::Runtime& runtime() { return runtime_; }
  // With the current settings().
  void restart();
  Settings& settings() { return settings_; }
  std::filesystem::path state() const { return scratch_.path() / "state"; }
  ApiService& service() { return *service_; }

 private:
  ScratchFolder scratch_;
  net::UvRuntime runtime_;

 public:
  std::optional<ScriptedTidegate> tidegate{std::in_place, runtime_};

 private:
  Settings settings_;
  const ServiceLimits limits_;
  std::optional<MemoryCache> cache_;
  std::unique_ptr<DirectoryStore> store_;

 public:
  std::optional<WrappedCache> cache;  // replaced by each restart
  std::optional<WrappedStore> store;

 private:
  std::optional<ApiService> service_;
};

std::string a_png(size_t spare = 0);  // the original; `spare` adds that many bytes, and 12
std::string marked_png();             // the result

using Response = ScriptedTidegate::Response;
using Seen = ScriptedTidegate::Seen;

// Makes Tidegate respond so to every request.
void respond_to_all(Fixture& fixture, const Response& response);
Response marked();

size_t files_in(const std::filesystem::path& folder);

// A member of a JSON object, as text; "null" for null, "" if it is missing.
std::string value_of(const http::FetchResponse& response, const char* name);

}  // namespace tidegate::api::test
