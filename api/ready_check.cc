#include "api/ready_check.h"

namespace tidegate::api {

ReadyCheck::ReadyCheck(net::Runtime& runtime, const std::vector<Dependency>& dependencies, Callback done)
    : done_(std::move(done)), awaited_(dependencies.size()), late_(runtime, [this] { end(); }) {
  late_.start_after(kTimeout);
  for (const Dependency& dependency : dependencies) {
    findings_[dependency.name] = "no answer within 1.8 s";
    checks_.push_back(
        dependency.check([this, &dependency](const Status& status) { on_checked(dependency.name, status); }));
  }
}

void ReadyCheck::on_checked(const std::string& name, const Status& status) {
  findings_[name] = status ? "" : to_string(status.error().code);
  if (--awaited_ == 0) end();
}

// The callback may destroy this.
void ReadyCheck::end() {
  late_.stop();
  checks_.clear();
  const Callback done = std::move(done_);
  const Findings findings = std::move(findings_);
  done(findings);
}

}  // namespace tidegate::api
