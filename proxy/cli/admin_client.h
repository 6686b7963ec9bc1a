// Asks a running Tidegate's admin interface, one request after the other, waiting for each.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "http/client/fetch.h"

namespace tidegate::cli {

class AdminClient {
 public:
  AdminClient(std::string address, std::string token) : address_(std::move(address)), token_(std::move(token)) {}

  // The answer's JSON where it is 2xx. Error: what a person should read, the interface's own words where it has any.
  Result<nlohmann::json> ask(const std::string& method, const std::string& target,
                             const nlohmann::json& body = nullptr);

 private:
  std::string address_;
  std::string token_;
};

}  // namespace tidegate::cli
