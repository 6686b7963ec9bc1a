// Checks all dependencies at the same time. The whole takes at most 1.8 s, even if one of them does not respond.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/runtime.h"
#include "net/timer.h"

namespace tidegate::api {

struct Dependency {
  std::string name;  // "redis", "object store", "directory", "tidegate"
  std::function<std::unique_ptr<net::Operation>(std::function<void(Status)>)> check;
};

class ReadyCheck final : public net::Operation {
 public:
  static constexpr Duration kTimeout = 1800ms;
  // By name: "" if it is available, else the reason in a few words.
  using Findings = std::map<std::string, std::string>;
  using Callback = std::function<void(const Findings&)>;

  // The callback runs later, once. The dependencies must outlive the check.
  ReadyCheck(net::Runtime& runtime, const std::vector<Dependency>& dependencies, Callback done);

 private:
  void on_checked(const std::string& name, const Status& status);
  void end();

  Callback done_;
  size_t pending_;
  Findings findings_;
  std::vector<std::unique_ptr<net::Operation>> checks_;
  net::Timer timeout_;
};

}  // namespace tidegate::api
