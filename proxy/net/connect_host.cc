#include "net/connect_host.h"

#include <utility>
#include <vector>

namespace tidegate::net {

namespace {

class HostConnect final : public Operation {
 public:
  HostConnect(Runtime& runtime, AddressSource source, uint16_t port, Duration timeout, ConnectCallback done)
      : runtime_(runtime),
        source_(std::move(source)),
        port_(port),
        deadline_(runtime.now() + timeout),
        done_(std::move(done)),
        timer_(runtime, [this] { on_timeout(); }) {
    timer_.start_at(deadline_);
    step_ = source_.resolve([this](Result<std::vector<IpAddress>> found) { on_resolved(std::move(found)); });
  }

 private:
  void on_resolved(Result<std::vector<IpAddress>> found) {
    if (!found) return end(found.error());
    if (runtime_.now() >= deadline_) return on_timeout();
    timer_.stop();
    step_ = race_addresses(
        runtime_, *found, port_, deadline_ - runtime_.now(), [this](auto stream) { end(std::move(stream)); },
        source_.observer);
  }

  void on_timeout() { end(Error{ErrorCode::timeout, "resolve " + source_.host + ": no response in time"}); }

  // The only end. The callback may destroy this, so it is the last thing done.
  void end(Result<std::unique_ptr<Stream>> result) {
    timer_.stop();
    step_.reset();
    const ConnectCallback done = std::move(done_);
    done(std::move(result));
  }

  Runtime& runtime_;
  const AddressSource source_;
  const uint16_t port_;
  const Time deadline_;
  ConnectCallback done_;
  Timer timer_;  // while it resolves; the race has its own
  std::unique_ptr<Operation> step_;
};

}  // namespace

std::unique_ptr<Operation> connect_by(Runtime& runtime, AddressSource source, uint16_t port, Duration timeout,
                                      ConnectCallback done) {
  return std::make_unique<HostConnect>(runtime, std::move(source), port, timeout, std::move(done));
}

std::unique_ptr<Operation> connect_host(Runtime& runtime, const std::string& host, uint16_t port, Duration timeout,
                                        ConnectCallback done) {
  if (const auto literal = IpAddress::parse(host)) {
    return race_addresses(runtime, {*literal}, port, timeout, std::move(done));
  }
  const auto resolve = [&runtime, host](ResolveCallback resolved) {
    return runtime.resolve(host, [resolved = std::move(resolved)](Result<std::vector<IpAddress>> found) {
      if (found) found = alternate_families(*found);
      resolved(std::move(found));
    });
  };
  return connect_by(runtime, {host, resolve}, port, timeout, std::move(done));
}

}  // namespace tidegate::net
