#include "support/redis_server.h"

#include <hiredis/hiredis.h>

#include <memory>
#include <stdexcept>

namespace tidegate::test {

namespace {

constexpr int kTimeout_s = 30;

using Connection = std::unique_ptr<redisContext, decltype(&redisFree)>;
using OwnedReply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

redis::Reply to_reply(const redisReply& reply) {
  using Kind = redis::Reply::Kind;
  redis::Reply out;
  switch (reply.type) {
    case REDIS_REPLY_NIL: return out;
    case REDIS_REPLY_INTEGER: out.kind = Kind::integer; break;
    case REDIS_REPLY_ERROR: out.kind = Kind::error; break;
    case REDIS_REPLY_ARRAY: out.kind = Kind::array; break;
    default: out.kind = Kind::text;
  }
  out.integer = reply.integer;
  if (reply.str != nullptr) out.text.assign(reply.str, reply.len);
  for (size_t i = 0; out.kind == Kind::array && i < reply.elements; ++i)
    out.items.push_back(to_reply(*reply.element[i]));
  return out;
}

OwnedReply run_on(redisContext* connection, const std::vector<std::string>& command) {
  std::vector<const char*> parts;
  std::vector<size_t> sizes;
  for (const std::string& part : command) {
    parts.push_back(part.data());
    sizes.push_back(part.size());
  }
  void* reply = redisCommandArgv(connection, static_cast<int>(parts.size()), parts.data(), sizes.data());
  return {static_cast<redisReply*>(reply), &freeReplyObject};
}

}  // namespace

bool RedisServer::installed() { return is_installed("redis-server"); }

RedisServer::RedisServer(RedisServerOptions options) : Server("redis", kTimeout_s), options_(std::move(options)) {
  start_on_free_port([this] {
    tls_port_ = 0;
    return comes_up();
  });
}

void RedisServer::start() {
  if (!comes_up()) fail("does not start again");
}

bool RedisServer::comes_up() {
  std::vector<std::string> command = {"redis-server", "--bind",      "127.0.0.1", "--port", std::to_string(port_),
                                      "--dir",        folder_,       "--save",    "",       "--daemonize",
                                      "no",           "--appendonly"};
  command.insert(command.end(), {options_.append_only ? "yes" : "no", "--appendfsync", options_.append_fsync});
  if (!options_.password.empty()) command.insert(command.end(), {"--requirepass", options_.password});
  command.insert(command.end(), options_.more.begin(), options_.more.end());
  const std::vector<std::string> tls = tls_arguments();
  command.insert(command.end(), tls.begin(), tls.end());
  process_ = std::make_unique<Process>(command, log_path());
  for (int polls = kTimeout_s * 1000; polls > 0 && process_->running(); --polls) {
    try {
      if (!ask({"PING"}).text.starts_with("LOADING") && process_->running()) return true;
    } catch (const std::runtime_error&) {
    }
    pause_briefly();
  }
  return false;
}

std::vector<std::string> RedisServer::tls_arguments() {
  if (options_.tls.cert_file.empty()) return {};
  if (tls_port_ == 0) tls_port_ = free_port();
  std::vector<std::string> arguments = {
      "--tls-port",     std::to_string(tls_port_), "--tls-cert-file",    options_.tls.cert_file,
      "--tls-key-file", options_.tls.key_file,     "--tls-auth-clients", options_.tls_client_ca.empty() ? "no" : "yes"};
  const std::string& ca = options_.tls_client_ca;
  arguments.insert(arguments.end(), {"--tls-ca-cert-file", ca.empty() ? options_.tls.cert_file : ca});
  return arguments;
}

redis::Address RedisServer::tls_address(const net::TlsClientConfig& tls) const {
  redis::Address address = this->address();
  address.port = tls_port_;
  address.tls = tls;
  return address;
}

void RedisServer::use_certificate(const CertificateFiles& files) const {
  const redis::Reply reply = ask({"CONFIG", "SET", "tls-cert-file", files.cert_file, "tls-key-file", files.key_file});
  if (reply.is_error()) throw std::runtime_error(reply.text);
}

redis::Address RedisServer::address(int database) const {
  return {.host = "127.0.0.1", .port = port_, .database = database, .user = "", .password = options_.password};
}

redis::Reply RedisServer::ask(const std::vector<std::string>& command) const {
  const timeval timeout{kTimeout_s, 0};
  const Connection connection(redisConnectWithTimeout("127.0.0.1", port_, timeout), &redisFree);
  if (!connection || connection->err != 0) throw std::runtime_error("cannot connect to redis-server");
  redisSetTimeout(connection.get(), timeout);
  if (!options_.password.empty()) run_on(connection.get(), {"AUTH", options_.password});
  const OwnedReply reply = run_on(connection.get(), command);
  if (!reply) throw std::runtime_error("redis-server does not reply");
  return to_reply(*reply);
}

}  // namespace tidegate::test
