#include "api/ready/ready_check.h"

namespace tidegate::api {

ReadyCheck::ReadyCheck(net::Runtime& runtime, const std::vector<Dependency>& dependencies, Callback done)
    : done_(std::move(done)), pending_(dependencies.size()), timeout_(runtime, [this] { end(); }) {
  timeout_.start_after(kTimeout);
  for (const Dependency& dependency : dependencies) {
    findings_[dependency.name] = "no response within 1.8 s";
    checks_.push_back(
        dependency.check([this, &dependency](const Status& status) { on_checked(dependency.name, status); }));
  }
}

void ReadyCheck::on_checked(const std::string& name, const Status& status) {
  findings_[name] = status ? "" : to_string(status.error().code);
  if (--pending_ == 0) end();
}

// The callback may destroy this.
void ReadyCheck::end() {
  timeout_.stop();
  checks_.clear();
  const Callback done = std::move(done_);
  const Findings findings = std::move(findings_);
  done(findings);
}

}  // namespace tidegate::api
