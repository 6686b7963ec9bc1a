// A blocking client of the admin interface of a running Tidegate.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "http/client/fetch.h"

namespace CLI {
class App;
}

namespace tidegate::cli {

// The address where no --admin is given: $TIDEGATE_ADMIN, else the default of the configuration.
std::string default_admin_address();

// Adds --admin, whose default that is. `address` outlives the parsing.
void add_admin_option(CLI::App& command, std::string& address);

// Adds --token. `token` outlives the parsing.
void add_token_option(CLI::App& command, std::string& token);

class AdminClient {
 public:
  AdminClient(std::string address, std::string token) : address_(std::move(address)), token_(std::move(token)) {}

  // Sends one request and waits, at most `timeout`. Returns the JSON of a 2xx response. Error: a message for a person,
  // that of the admin interface if it sent one.
  Result<nlohmann::json> send(const std::string& method, const std::string& target,
                              const nlohmann::json& body = nullptr, Duration timeout = std::chrono::seconds(60));
  // What a server says that responds to requests, but not as Tidegate does.
  Error not_tidegate() const;

 private:
  std::string address_;
  std::string token_;
};

}  // namespace tidegate::cli
