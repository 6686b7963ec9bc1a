// What else the service answers: its page, its health, other origins, and what it does not know.
#include "api/service.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "api/page.h"
#include "unit/api/rig.h"

namespace tidegate::api::test {

namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::string(TIDEGATE_SOURCE_DIR) + "/api/page/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("the page is served as it was written, and may load nothing of others") {
  Rig rig;
  for (const EmbeddedFile& embedded : embedded_files()) {
    const std::string name(embedded.name);
    CAPTURE(name);
    const auto answer = rig.get(name == "index.html" ? "/" : "/page/" + name);
    CHECK(answer.status == 200);
    CHECK(answer.body.size() > 100);
    CHECK(answer.body == file(name));
    const std::string policy(answer.field("Content-Security-Policy"));
    for (const char* rule :
         {"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; ",
          "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"}) {
      CHECK(policy.find(rule) != std::string::npos);
    }
    CHECK(policy.find("unsafe") == std::string::npos);
    CHECK(answer.field("X-Content-Type-Options") == "nosniff");
  }
  CHECK(rig.get("/favicon.ico").status == 204);
}

TEST_CASE("every file of the page's folder is part of the program, with its type") {
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

TEST_CASE("what the page loads is its own and there, and nothing of it is inline") {
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
  Rig rig;
  const auto preflight =
      rig.fetch("OPTIONS", "/upload", {{"Origin", "http://a"}, {"Access-Control-Request-Method", "POST"}});
  CHECK(preflight.status == 204);
  CHECK(preflight.field("Access-Control-Allow-Origin") == "*");
  CHECK(preflight.field("Access-Control-Allow-Methods").find("POST") != std::string::npos);
  CHECK(preflight.field("Access-Control-Allow-Headers").find("Content-Type") != std::string::npos);
  for (const char* path : {"/health", "/nothing", "/status/x"}) {
    const auto answer = rig.get(path);
    CHECK(answer.field("Access-Control-Allow-Origin") == "*");
    CHECK(answer.field("Access-Control-Expose-Headers").find("X-Image-Key") != std::string::npos);
  }
}

TEST_CASE("unknown paths and methods are told apart") {
  Rig rig;
  CHECK(rig.get("/nothing").status == 404);
  CHECK(rig.fetch("DELETE", "/nothing").status == 404);
  const auto answer = rig.get("/upload");
  CHECK(answer.status == 405);
  CHECK(answer.field("Allow") == "POST, OPTIONS");
  for (const char* path : {"/", "/health", "/ready", "/status/x", "/images/x"})
    CHECK(rig.fetch("PUT", path).status == 405);
}

TEST_CASE("metrics count uploads by outcome") {
  Rig rig;
  rig.tidegate->answer = [](const auto&) { return ScriptedTidegate::Answer{200, "image/png", marked_png(), ""}; };
  rig.upload();
  rig.upload();
  rig.upload();
  rig.upload({{"image", "hello, hello"}});
  const auto answer = rig.get("/metrics");
  CHECK(answer.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"_count{outcome=\"hit\"} 2\n", "_count{outcome=\"miss\"} 1\n", "_count{outcome=\"unsupported_media_type\"} 1\n",
        "_total{code=\"2xx\",endpoint=\"upload\"} 3\n", "_total{code=\"4xx\",endpoint=\"upload\"} 1\n",
        "watermark_api_cache_gets_total{result=\"hit\"} 2\n", "watermark_api_cache_gets_total{result=\"miss\"} 1\n",
        "watermark_api_store_operations_total{op=\"put\",result=\"ok\"} 2\n",
        "watermark_api_webhooks_total{result=\"stored\"} 0\n", "watermark_api_cache_errors_total 0\n",
        "watermark_api_dependency_up{dependency=\"tidegate\"} 0\n", "watermark_api_build_info{", "\nof_the_store 1\n",
        "watermark_api_flights 0\n", "watermark_api_picture_bytes 0\n"}) {
    CAPTURE(line);
    CHECK(answer.body.find(line) != std::string::npos);
  }
}

TEST_CASE("health says so") {
  Rig rig;
  const auto answer = rig.get("/health");
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"status":"ok"})");
}

TEST_CASE("the end of the service cuts off what still runs") {
  Rig rig;
  const auto call = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  rig.restart();
  rig.until([&] { return call->result.has_value(); });
  CHECK_FALSE(call->result->ok());
}

}  // namespace tidegate::api::test
