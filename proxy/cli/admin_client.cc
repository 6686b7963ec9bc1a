#include "cli/admin_client.h"

#include <fmt/format.h>

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "config/config.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

namespace {

std::string refusal_of(const http::FetchResponse& response) {
  const auto problem = nlohmann::json::parse(response.body, nullptr, false);
  std::string message = fmt::format("the admin interface responded with status {}", response.status);
  if (problem.is_object() && problem.contains("detail") && problem["detail"].is_string()) {
    message = problem["detail"].get<std::string>();
  }
  if (response.status == 401) message += " Use --token or TIDEGATE_ADMIN_TOKEN.";
  return message;
}

ErrorCode code_of(uint16_t status) {
  if (status == 404) return ErrorCode::not_found;
  return status == 409 ? ErrorCode::conflict : ErrorCode::unavailable;
}

}  // namespace

std::string default_admin_address() {
  const char* const configured = std::getenv("TIDEGATE_ADMIN");
  return configured && *configured ? configured : config::Admin().address.to_string();
}

void add_admin_option(CLI::App& command, std::string& address) {
  address = default_admin_address();
  command.add_option("--admin", address, "Address of the admin interface; default: $TIDEGATE_ADMIN")
      ->capture_default_str();
}

void add_token_option(CLI::App& command, std::string& token) {
  command.add_option("--token", token, "Admin token")->envname("TIDEGATE_ADMIN_TOKEN");
}

Error AdminClient::not_tidegate() const {
  return {ErrorCode::invalid, fmt::format("the server at {} is not Tidegate", address_)};
}

Result<nlohmann::json> AdminClient::send(const std::string& method, const std::string& target,
                                         const nlohmann::json& body, Duration timeout) {
  net::UvRuntime runtime;
  http::FetchRequest request;
  request.method = method;
  request.host = address_;
  request.target = target;
  request.timeout = timeout;
  if (!token_.empty()) request.fields.emplace_back("Authorization", "Bearer " + token_);
  if (const char* user = std::getenv("USER")) request.fields.emplace_back("X-Operator", user);
  if (!body.is_null()) {
    request.fields.emplace_back("Content-Type", "application/json");
    request.body = body.dump();
  }
  Result<nlohmann::json> out = Error{ErrorCode::unavailable, "no response"};
  const auto fetching = http::fetch(runtime, request, [&](Result<http::FetchResponse> response) {
    runtime.stop();
    if (!response) {
      out = Error{response.error().code,
                  fmt::format("cannot reach Tidegate at {}: {}", address_, response.error().message)};
    } else if (response->status < 200 || response->status > 299) {
      out = Error{code_of(response->status), refusal_of(*response)};
    } else if (auto json = nlohmann::json::parse(response->body, nullptr, false); json.is_object()) {
      out = std::move(json);
    } else {
      out = not_tidegate();
    }
  });
  runtime.run();
  return out;
}

}  // namespace tidegate::cli
