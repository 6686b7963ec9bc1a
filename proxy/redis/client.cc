#include "redis/client.h"

#include <array>
#include <utility>

#include "base/assert.h"
#include "redis/client_impl.h"

namespace tidegate::redis {

namespace {

constexpr size_t kFlushBytes =
    64 << 10;  // gathered commands are written at the end of the iteration, or above this size

class CallHandle final : public net::Operation {
 public:
  explicit CallHandle(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~CallHandle() override { call_->done = nullptr; }

 private:
  std::shared_ptr<Call> call_;
};

}  // namespace

std::vector<std::string_view> script_parts(std::initializer_list<std::string_view> begin,
                                           const std::vector<std::string>& keys,
                                           const std::vector<std::string>& arguments) {
  std::vector<std::string_view> parts(begin);
  parts.insert(parts.end(), keys.begin(), keys.end());
  parts.insert(parts.end(), arguments.begin(), arguments.end());
  return parts;
}

std::unique_ptr<net::Operation> Client::Impl::ask(const std::vector<std::string>& command, ReplyCallback done) {
  TG_ASSERT(!command.empty());
  return send(Sent{.call = std::make_shared<Call>(Call{std::move(done)})}, Command({command.begin(), command.end()}));
}

std::unique_ptr<net::Operation> Client::Impl::run(const Script& script, std::vector<std::string> keys,
                                                  std::vector<std::string> arguments, ReplyCallback done) {
  Sent sent{.call = std::make_shared<Call>(Call{std::move(done)})};
  const std::string key_count = std::to_string(keys.size());
  if (!known_scripts_.contains(script.sha1())) {
    if (ready()) known_scripts_.insert(script.sha1());
    return send(std::move(sent), Command(script_parts({"EVAL", script.source(), key_count}, keys, arguments)));
  }
  const Command command(script_parts({"EVALSHA", script.sha1(), key_count}, keys, arguments));
  sent.script = &script;
  sent.keys = std::move(keys);
  sent.arguments = std::move(arguments);
  return send(std::move(sent), command);
}

// The server no longer has the script.
void Client::Impl::send_whole(Sent sent) {
  if (!sent.call->done) return;
  const std::string key_count = std::to_string(sent.keys.size());
  const Command command(script_parts({"EVAL", sent.script->source(), key_count}, sent.keys, sent.arguments));
  put(Sent{.call = std::move(sent.call)}, command.bytes());
}

std::unique_ptr<net::Operation> Client::Impl::send(Sent sent, const Command& command) {
  const std::string_view bytes = command.bytes();
  if (!ready()) return refuse(std::move(sent.call), ErrorCode::unavailable, why_not_ready_);
  if (sent_.size() >= options_.pending_max)
    return refuse(std::move(sent.call), ErrorCode::exhausted, "too many commands without a reply");
  if (write_pending() + bytes.size() > options_.pending_bytes_max)
    return refuse(std::move(sent.call), ErrorCode::exhausted, "too many bytes not sent yet");
  auto handle = std::make_unique<CallHandle>(sent.call);
  put(std::move(sent), bytes);
  return handle;
}

// "Later, on this loop", as a reply would be.
std::unique_ptr<net::Operation> Client::Impl::refuse(std::shared_ptr<Call> call, ErrorCode code, std::string_view why) {
  refused_.push_back({call, Error{code, named(why)}});
  later();
  return std::make_unique<CallHandle>(std::move(call));
}

// Commands of one iteration are sent together; a large one is not gathered, so that it is not copied again.
void Client::Impl::put(Sent sent, std::string_view bytes) {
  sent.deadline = runtime_.now() + options_.command_timeout;
  sent_.push_back(std::move(sent));
  if (!overdue_.active()) overdue_.start_at(sent_.front().deadline);
  if (unsent_.size() + bytes.size() < kFlushBytes) {
    unsent_.append(bytes);
    return later();
  }
  const std::array<std::string_view, 2> pieces = {unsent_, bytes};
  stream_->write(pieces);
  unsent_.clear();
}

void Client::Impl::end_turn() {
  if (!unsent_.empty()) stream_->write(unsent_);
  unsent_.clear();
  const std::deque<Refused> refused = std::exchange(refused_, {});
  for (const Refused& one : refused) {
    if (!complete(*one.call, one.error)) return;
  }
}

// A late reply could not be told from the next one's, so the connection goes with the command. A loop that was busy
// for long reads what has arrived before it calls anything late.
void Client::Impl::check_overdue() {
  if (sent_.empty()) return;
  if (sent_.front().deadline > runtime_.now()) {
    overdue_seen_ = false;
    return overdue_.start_at(sent_.front().deadline);
  }
  if (!std::exchange(overdue_seen_, true)) return overdue_.start_after(Duration::zero());
  broken(ErrorCode::timeout, ErrorCode::unavailable, "no reply in time");
}

Client::Client(net::Runtime& runtime, Address address, ClientOptions options)
    : impl_(std::make_unique<Impl>(runtime, std::move(address), options)) {}
Client::~Client() = default;

std::unique_ptr<net::Operation> Client::ask(std::vector<std::string> command, ReplyCallback done) {
  return impl_->ask(command, std::move(done));
}

std::unique_ptr<net::Operation> Client::run(const Script& script, std::vector<std::string> keys,
                                            std::vector<std::string> arguments, ReplyCallback done) {
  return impl_->run(script, std::move(keys), std::move(arguments), std::move(done));
}

bool Client::ready() const { return impl_->ready(); }
std::string Client::why_not_ready() const { return impl_->why_not_ready(); }
size_t Client::write_pending() const { return impl_->write_pending(); }
size_t Client::commands_pending() const { return impl_->commands_pending(); }
void Client::on_change(std::function<void()> changed) { impl_->on_change(std::move(changed)); }
const Address& Client::address() const { return impl_->address(); }

}  // namespace tidegate::redis
