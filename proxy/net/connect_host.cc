#include "net/connect_host.h"

#include <utility>
#include <vector>

#include "net/connection_refusal.h"

namespace tidegate::net {

namespace {

class HostConnect final : public Operation {
 public:
  HostConnect(Runtime& runtime, const std::string& host, uint16_t port, ConnectCallback done)
      : runtime_(runtime), port_(port), done_(std::move(done)) {
    if (const auto literal = IpAddress::parse(host)) {
      addresses_ = {*literal};
      connect_next();
    } else {
      step_ = runtime_.resolve(host, [this](Result<std::vector<IpAddress>> found) {
        if (!found) return end(found.error());
        addresses_ = std::move(*found);
        connect_next();
      });
    }
  }

 private:
  void connect_next() {
    if (next_address_ == addresses_.size()) return end(failure_);
    const SocketAddress to{addresses_[next_address_++], port_};
    step_ = runtime_.connect(to, [this](Result<std::unique_ptr<Stream>> stream) {
      if (stream) return end(std::move(stream));
      if (!refusal_of(failure_)) failure_ = stream.error();
      connect_next();
    });
  }

  // The only end. The callback may destroy this, so it is the last thing done.
  void end(Result<std::unique_ptr<Stream>> result) {
    step_.reset();
    const ConnectCallback done = std::move(done_);
    done(std::move(result));
  }

  Runtime& runtime_;
  const uint16_t port_;
  ConnectCallback done_;
  std::unique_ptr<Operation> step_;
  std::vector<IpAddress> addresses_;
  size_t next_address_ = 0;
  Error failure_{ErrorCode::not_found, "the name has no address"};  // of the addresses so far
};

}  // namespace

std::unique_ptr<Operation> connect_host(Runtime& runtime, const std::string& host, uint16_t port,
                                        ConnectCallback done) {
  return std::make_unique<HostConnect>(runtime, host, port, std::move(done));
}

}  // namespace tidegate::net
