#include "http/server/server.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "http/message/http_date.h"
#include "http/message/writer.h"
#include "http/server/response_writer.h"
#include "http/server/server_connection.h"
#include "http/server/server_impl.h"

namespace tidegate::http {

namespace {

constexpr size_t kSpareBuffersMax = 16;
constexpr size_t kSpareBufferBytes = 64 * 1024;

}  // namespace

Server::Impl::Impl(net::Runtime& loop, const ServerLimits& server_limits, Service& user,
                   std::shared_ptr<ConnectionCount> shared, std::shared_ptr<net::TlsContext> tls)
    : runtime(loop),
      limits(server_limits),
      service(user),
      tls_accept(tls ? std::make_unique<TlsAccept>(loop, std::move(tls)) : nullptr),
      count_(shared ? std::move(shared) : std::make_shared<ConnectionCount>(limits.connections)),
      flush_timer_(loop, [this] { flush_held(); }),
      handshakes_timer_(loop, [this] { close_listener(); }),
      drained_timer_(loop, [this] { std::exchange(on_drained_, nullptr)(); }) {}

Server::Impl::~Impl() {
  listener.reset();
  for (size_t left = tls_accept ? tls_accept->under_way() : 0; left > 0; --left) count_->remove();
  tls_accept.reset();
  while (!connections.empty()) connections.back()->end_by_force();
}

Status Server::Impl::listen(const SocketAddress& address) {
  auto listening = runtime.listen(
      address, [this](std::unique_ptr<net::Stream> stream) { accept(std::move(stream)); },
      [this](const Error&) { refused(net::ConnectionRefusal::descriptors); });
  if (!listening.ok()) return listening.error();
  listener = std::move(*listening);
  bound = listener->address();
  return Ok{};
}

void Server::Impl::accept(std::unique_ptr<net::Stream> stream) {
  if (!serving && waiting_.size() < limits.connections) return waiting_.push_back(std::move(stream));
  if (!count_->add() && !(make_room() && count_->add())) return refused(net::ConnectionRefusal::limit);
  if (!tls_accept) return serve(std::move(stream));
  const SocketAddress client = stream->peer();
  tls_accept->begin(std::move(stream), limits.header_timeout,
                    [this, client](auto secured) { on_handshake(client, std::move(secured)); });
}

void Server::Impl::on_handshake(const SocketAddress& client, Result<std::unique_ptr<net::Stream>> secured) {
  const bool probed = !secured && secured.error().code == ErrorCode::cancelled;  // by a check of the port
  if (!probed) service.on_tls_handshake(secured.ok());
  if (secured) return serve(std::move(*secured));
  count_->remove();
  if (!probed) log_handshake(client, secured.error().message);
  finish_drain();
}

void Server::Impl::log_handshake(const SocketAddress& client, const std::string& reason) {
  const auto count = failed_handshakes_.add(runtime.now());
  if (!count) return;
  log_info("tls_handshake_failed",
           {{"address", bound.to_string()}, {"client", client.to_string()}, {"reason", reason}, {"count", *count}});
}

void Server::Impl::serve(std::unique_ptr<net::Stream> stream) {
  auto connection = std::make_unique<ServerConnection>(*this, std::move(stream));
  ServerConnection& added = *connection;
  added.set_index(connections.size());
  connections.push_back(std::move(connection));
  added.start();
}

void Server::Impl::begin_serving() {
  serving = true;
  for (auto& stream : std::exchange(waiting_, {})) accept(std::move(stream));
}

void Server::Impl::refused(net::ConnectionRefusal why) {
  service.on_connection_refused(why);
  const auto count = refusals_.add(why, runtime.now());
  if (!count) return;
  log_warn("connections_refused", {{"address", bound.to_string()}, {"reason", to_string(why)}, {"count", *count}});
}

bool Server::Impl::make_room() {
  if (!limits.replace_waiting) return false;
  const auto longest = std::min_element(connections.begin(), connections.end(), [](const auto& a, const auto& b) {
    return a->waiting_since() < b->waiting_since();
  });
  if (longest == connections.end() || (*longest)->waiting_since() == Time::max()) return false;
  (*longest)->end_by_force();
  return true;
}

void Server::Impl::remove(ServerConnection* connection) {
  const size_t index = connection->index();
  TG_ASSERT(index < connections.size() && connections[index].get() == connection);
  std::swap(connections[index], connections.back());
  connections[index]->set_index(index);
  runtime.dispose(std::move(connections.back()));
  connections.pop_back();
  count_->remove();
  finish_drain();
}

std::string Server::Impl::hold(ResponseWriter* response) {
  if (held_.empty()) flush_timer_.start_at(runtime.now());
  held_.push_back(response);
  if (spare_.empty()) return {};
  std::string buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void Server::Impl::release(ResponseWriter* response, std::string buffer) {
  const auto found = std::find(held_.rbegin(), held_.rend(), response);
  TG_ASSERT(found != held_.rend());
  *found = held_.back();
  held_.pop_back();
  if (held_.empty()) flush_timer_.stop();
  buffer.clear();
  if (spare_.size() < kSpareBuffersMax && buffer.capacity() <= kSpareBufferBytes) spare_.push_back(std::move(buffer));
}

void Server::Impl::flush_held() {
  while (!held_.empty()) held_.back()->flush();
}

void Server::Impl::set_limits(const ServerLimits& next) {
  if (!on_drained_) limits = next;
}

void Server::Impl::drain(std::function<void()> done, Duration idle_max) {
  on_drained_ = std::move(done);
  announces_close = true;
  limits.idle_timeout = std::min(limits.idle_timeout, idle_max);
  for (const auto& connection : connections) connection->await_last_request();
  if (listener && listener->stop_handshakes()) {
    handshakes_timer_.start_after(std::min(kHandshakeMax, idle_max));
  } else {
    close_listener();
  }
}

void Server::Impl::close_listener() {
  if (listener) listener->accept_backlog();
  listener.reset();
  finish_drain();
}

void Server::Impl::finish_drain() {
  const bool busy = !connections.empty() || (tls_accept && tls_accept->under_way() > 0);
  if (on_drained_ && !listener && !busy) drained_timer_.start_at(runtime.now());
}

std::string_view Server::Impl::date_field() {
  const int64_t second = std::chrono::floor<std::chrono::seconds>(runtime.wall_now()).time_since_epoch().count();
  if (second != date_second_) {
    date_second_ = second;
    date_field_ = "Date: " + http_date(runtime.wall_now()) + "\r\n";
  }
  return date_field_;
}

Server::Server(net::Runtime& runtime, const ServerLimits& limits, Service& service,
               std::shared_ptr<ConnectionCount> connections, std::shared_ptr<net::TlsContext> tls)
    : impl_(std::make_unique<Impl>(runtime, limits, service, std::move(connections), std::move(tls))) {}
Server::~Server() = default;

Status Server::listen(const SocketAddress& address) { return impl_->listen(address); }
Status Server::listen_without_serving(const SocketAddress& address) {
  impl_->serving = false;
  return impl_->listen(address);
}
void Server::serve() { impl_->begin_serving(); }

SocketAddress Server::address() const {
  TG_ASSERT(impl_->bound.port != 0);
  return impl_->bound;
}

void Server::announce_close() { impl_->announces_close = true; }
void Server::drain(std::function<void()> done, Duration idle_max) { impl_->drain(std::move(done), idle_max); }
void Server::set_limits(const ServerLimits& limits) { impl_->set_limits(limits); }
size_t Server::connections() const {
  return impl_->connections.size() + (impl_->tls_accept ? impl_->tls_accept->under_way() : 0);
}

void Responder::respond(uint16_t status, std::string_view content_type, std::string_view body,
                        std::string_view fields) {
  std::string head;
  HeadWriter writer(head);
  writer.status_line(status);
  if (!content_type.empty()) writer.field("Content-Type", content_type);
  head.append(fields);
  send_head(status, head, body.size());
  if (!body.empty()) send_body(body);
  finish();
}

}  // namespace tidegate::http
