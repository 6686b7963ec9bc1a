// The page, /health, /metrics, requests of other origins, and unknown paths.
#include "api/service.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "api/page.h"
#include "unit/api/fixture.h"

namespace tidegate::api::test {

namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::string(TIDEGATE_SOURCE_DIR) + "/api/page/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("the page is served unchanged, and may not load anything from other origins") {
  Fixture fixture;
  for (const EmbeddedFile& embedded : embedded_files()) {
    const std::string name(embedded.name);
    CAPTURE(name);
    const auto response = fixture.get(name == "index.html" ? "/" : "/page/" + name);
    CHECK(response.status == 200);
    CHECK(response.body.size() > 100);
    CHECK(response.body == file(name));
    const std::string policy(response.field("Content-Security-Policy"));
    for (const char* rule :
         {"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; ",
          "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"}) {
      CHECK(policy.find(rule) != std::string::npos);
    }
    CHECK(policy.find("unsafe") == std::string::npos);
    CHECK(response.field("X-Content-Type-Options") == "nosniff");
  }
  CHECK(fixture.get("/favicon.ico").status == 204);
}

TEST_CASE("every file of the page's folder is embedded, with its type") {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TIDEGATE_SOURCE_DIR) + "/api/page")) {
    const std::string name = entry.path().filename();
    CAPTURE(name);
    ++files;
    CHECK(find_page_file(name == "index.html" ? "/" : "/page/" + name));
  }
  CHECK(embedded_files().size() == files);
  for (const auto& [path, type] : {std::pair{"/", "text/html; charset=utf-8"},
                                   {"/page/look.css", "text/css; charset=utf-8"},
                                   {"/page/page.js", "text/javascript; charset=utf-8"},
                                   {"/page/icon.svg", "image/svg+xml"}}) {
    CAPTURE(path);
    REQUIRE(find_page_file(path));
    CHECK(find_page_file(path)->content_type == type);
  }
  for (const char* path : {"", "/page", "/page/", "/page/index.html", "/page.js", "/page/no.js", "/page/../page.js"}) {
    CAPTURE(path);
    CHECK_FALSE(find_page_file(path));
  }
}

TEST_CASE("the page loads only its own files, which exist, and nothing inline") {
  const std::string html = file("index.html");
  for (const char* inline_code : {"style=", "<style", "onclick=", "<script>", "http://", "https://"}) {
    CHECK(html.find(inline_code) == std::string::npos);
  }
  std::vector<std::string> wanted;
  const auto gather = [&](const std::string& text, const std::string& opening, char closing, const char* folder) {
    for (size_t at = text.find(opening); at != std::string::npos; at = text.find(opening, at)) {
      at += opening.size();
      const std::string name = text.substr(at, text.find(closing, at) - at);
      if (!name.empty() && name.find('#') == std::string::npos) wanted.push_back(folder + name);
    }
  };
  gather(html, "src=\"", '"', "");
  gather(html, "href=\"", '"', "");
  for (const EmbeddedFile& embedded : embedded_files()) {
    if (embedded.name.ends_with(".js")) gather(std::string(embedded.bytes), "from './", '\'', "/page/");
  }
  CHECK(wanted.size() > 20);
  for (const std::string& path : wanted) {
    CAPTURE(path);
    CHECK(find_page_file(path));
  }
}

TEST_CASE("pages of every origin may use the service") {
  Fixture fixture;
  const auto preflight =
      fixture.fetch("OPTIONS", "/upload", {{"Origin", "http://a"}, {"Access-Control-Request-Method", "POST"}});
  CHECK(preflight.status == 204);
  CHECK(preflight.field("Access-Control-Allow-Origin") == "*");
  CHECK(preflight.field("Access-Control-Allow-Methods").find("POST") != std::string::npos);
  CHECK(preflight.field("Access-Control-Allow-Headers").find("Content-Type") != std::string::npos);
  for (const char* path : {"/health", "/nothing", "/status/x"}) {
    const auto response = fixture.get(path);
    CHECK(response.field("Access-Control-Allow-Origin") == "*");
    CHECK(response.field("Access-Control-Expose-Headers").find("X-Image-Key") != std::string::npos);
  }
}

TEST_CASE("an unknown path is a 404, an unknown method a 405") {
  Fixture fixture;
  CHECK(fixture.get("/nothing").status == 404);
  CHECK(fixture.fetch("DELETE", "/nothing").status == 404);
  const auto response = fixture.get("/upload");
  CHECK(response.status == 405);
  CHECK(response.field("Allow") == "POST, OPTIONS");
  for (const char* path : {"/", "/health", "/ready", "/status/x", "/images/x"})
    CHECK(fixture.fetch("PUT", path).status == 405);
}

TEST_CASE("metrics count uploads by outcome") {
  Fixture fixture;
  fixture.tidegate->respond = [](const auto&) {
    return ScriptedTidegate::Response{200, "image/png", marked_png(), ""};
  };
  fixture.upload();
  fixture.upload();
  fixture.upload();
  fixture.upload({{"image", "hello, hello"}});
  const auto response = fixture.get("/metrics");
  CHECK(response.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"_count{outcome=\"hit\"} 2\n", "_count{outcome=\"miss\"} 1\n", "_count{outcome=\"unsupported_media_type\"} 1\n",
        "_total{code=\"2xx\",endpoint=\"upload\"} 3\n", "_total{code=\"4xx\",endpoint=\"upload\"} 1\n",
        "watermark_api_cache_gets_total{result=\"hit\"} 2\n", "watermark_api_cache_gets_total{result=\"miss\"} 1\n",
        "watermark_api_store_operations_total{op=\"put\",result=\"ok\"} 2\n",
        "watermark_api_webhooks_total{result=\"stored\"} 0\n", "watermark_api_cache_errors_total 0\n",
        "watermark_api_dependency_up{dependency=\"tidegate\"} 0\n", "watermark_api_build_info{",
        "watermark_api_store_breaker_state{state=\"closed\"} 1\n", "watermark_api_flights 0\n",
        "watermark_api_picture_bytes 0\n"}) {
    CAPTURE(line);
    CHECK(response.body.find(line) != std::string::npos);
  }
}

TEST_CASE("/health responds ok") {
  Fixture fixture;
  const auto response = fixture.get("/health");
  CHECK(response.status == 200);
  CHECK(response.body == R"({"status":"ok"})");
}

TEST_CASE("destroying the service aborts running requests") {
  Fixture fixture;
  const auto call = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  fixture.restart();
  fixture.until([&] { return call->result.has_value(); });
  CHECK_FALSE(call->result->ok());
}

}  // namespace tidegate::api::test
