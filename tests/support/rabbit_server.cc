#include "support/rabbit_server.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace tidegate::test {

namespace {

constexpr const char* kBin = "/usr/lib/rabbitmq/bin/";
constexpr int kTimeout_s = 60;

// A connection with one channel. get() throws where it could not connect.
class Client {
 public:
  explicit Client(uint16_t port) : state_(amqp_new_connection()) {
    const timeval timeout{3, 0};
    const bool connected = amqp_socket_open_noblock(amqp_tcp_socket_new(state_), "127.0.0.1", port, &timeout) == 0;
    amqp_set_handshake_timeout(state_, &timeout);
    ok_ = connected && amqp_login(state_, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type ==
                           AMQP_RESPONSE_NORMAL;
    if (ok_) amqp_channel_open(state_, 1);
    ok_ = ok_ && done();
  }
  ~Client() {
    if (ok_) amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(state_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool ok() const { return ok_; }
  bool done() const { return amqp_get_rpc_reply(state_).reply_type == AMQP_RESPONSE_NORMAL; }
  amqp_connection_state_t get() const {
    if (!ok_) throw std::runtime_error("cannot connect to rabbitmq-server");
    return state_;
  }

 private:
  amqp_connection_state_t state_;
  bool ok_;
};

amqp_bytes_t bytes_of(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

bool RabbitServer::installed() {
  return std::filesystem::exists(std::string(kBin) + "rabbitmq-server") && is_installed("epmd") &&
         is_installed("amqp-get");
}

RabbitServer& RabbitServer::shared() {
  static RabbitServer server;
  if (!server.process_->running()) server.start();
  return server;
}

RabbitServer::RabbitServer() : Server("rabbit", kTimeout_s), dist_port_(free_port()), epmd_port_(free_port()) {
  port_ = free_port();
  epmd_ = std::make_unique<Process>(
      std::vector<std::string>{"epmd", "-address", "127.0.0.1", "-port", std::to_string(epmd_port_)},
      folder_ + "/epmd");
  start();
}

RabbitServer::~RabbitServer() {
  process_.reset();  // before its port mapper
}

std::vector<std::string> RabbitServer::with_settings(const std::vector<std::string>& command) const {
  // RUNNING_UNDER_SYSTEMD: the script execs the server instead of starting it as a child.
  std::vector<std::string> all = {"env",
                                  "HOME=" + folder_,
                                  "RUNNING_UNDER_SYSTEMD=1",
                                  "RABBITMQ_NODENAME=tidegate" + std::to_string(port_) + "@localhost",
                                  "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
                                  "RABBITMQ_NODE_PORT=" + std::to_string(port_),
                                  "RABBITMQ_DIST_PORT=" + std::to_string(dist_port_),
                                  "ERL_EPMD_PORT=" + std::to_string(epmd_port_),
                                  "ERL_EPMD_ADDRESS=127.0.0.1",
                                  "RABBITMQ_MNESIA_BASE=" + folder_ + "/data",
                                  "RABBITMQ_LOG_BASE=" + folder_ + "/log",
                                  "RABBITMQ_PID_FILE=" + folder_ + "/pid",
                                  "RABBITMQ_ENABLED_PLUGINS_FILE=" + folder_ + "/plugins",
                                  "RABBITMQ_CONFIG_FILE=" + folder_ + "/none",
                                  "RABBITMQ_CONF_ENV_FILE=" + folder_ + "/none-env",
                                  "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

void RabbitServer::start() {
  process_ = std::make_unique<Process>(with_settings({std::string(kBin) + "rabbitmq-server"}), log_path());
  for (int polls = kTimeout_s * 100; polls > 0 && process_->running(); --polls) {
    if (Client(port_).ok()) return;
    for (int i = 0; i < 5; ++i) pause_briefly();
  }
  fail("does not start");
}

std::string RabbitServer::run(const std::vector<std::string>& command) {
  const std::string output = folder_ + "/run" + std::to_string(++runs_);
  Process tool(command, output);
  if (!tool.wait(kTimeout_s)) throw std::runtime_error(command.front() + " does not exit");
  return read_file(output);
}

std::string RabbitServer::control(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {std::string(kBin) + "rabbitmqctl"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(with_settings(command));
}

uint16_t RabbitServer::listen_by_tls(const CertificateFiles& files, const std::string& client_ca) {
  const uint16_t port = free_port();
  std::string options = "{certfile,\"" + files.cert_file + "\"},{keyfile,\"" + files.key_file + "\"}";
  if (!client_ca.empty()) {
    options += ",{cacertfile,\"" + client_ca + "\"},{verify,verify_peer},{fail_if_no_peer_cert,true}";
  }
  const std::string output = control({"eval", "rabbit_networking:start_ssl_listener({\"127.0.0.1\"," +
                                                  std::to_string(port) + ",auto},[" + options + "],2)."});
  if (output.find("ok") == std::string::npos) throw std::runtime_error("no listener by TLS: " + output);
  return port;
}

void RabbitServer::delete_queue(const std::string& queue) {
  const Client client(port_);
  amqp_queue_delete(client.get(), 1, bytes_of(queue), 0, 0);
}

void RabbitServer::purge_queue(const std::string& queue) {
  const Client client(port_);
  amqp_queue_purge(client.get(), 1, bytes_of(queue));
}

void RabbitServer::publish(const std::string& queue, const std::string& message_id, const std::string& body) {
  const Client client(port_);
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.message_id = bytes_of(message_id);
  properties.delivery_mode = 2;
  amqp_basic_publish(client.get(), 1, amqp_empty_bytes, bytes_of(queue), 0, 0, &properties, bytes_of(body));
}

void RabbitServer::rewrite(const std::string& queue, int copies, const std::function<void(std::string&)>& change) {
  const Client client(port_);
  const amqp_rpc_reply_t got = amqp_basic_get(client.get(), 1, bytes_of(queue), 0);
  if (got.reply_type != AMQP_RESPONSE_NORMAL || got.reply.id != AMQP_BASIC_GET_OK_METHOD) {
    throw std::runtime_error(queue + " is empty");
  }
  const uint64_t tag = static_cast<amqp_basic_get_ok_t*>(got.reply.decoded)->delivery_tag;
  amqp_message_t message;
  if (amqp_read_message(client.get(), 1, &message, 0).reply_type != AMQP_RESPONSE_NORMAL) {
    throw std::runtime_error("a message of " + queue + " cannot be read");
  }
  std::string body(static_cast<const char*>(message.body.bytes), message.body.len);
  change(body);
  for (int i = 0; i < copies; ++i) {
    amqp_basic_publish(client.get(), 1, amqp_empty_bytes, bytes_of(queue), 0, 0, &message.properties, bytes_of(body));
  }
  amqp_basic_ack(client.get(), 1, tag, 0);
  amqp_destroy_message(&message);
}

std::optional<int> RabbitServer::depth(const std::string& queue) {
  const Client client(port_);
  const auto* declared = amqp_queue_declare(client.get(), 1, bytes_of(queue), 1, 0, 0, 0, amqp_empty_table);
  if (!declared) return std::nullopt;
  return static_cast<int>(declared->message_count);
}

std::optional<std::string> RabbitServer::get_with_tool(const std::string& queue) {
  const std::string output = folder_ + "/run" + std::to_string(++runs_);
  Process tool({"amqp-get", "--url", url(), "-q", queue}, output);
  if (!tool.wait(kTimeout_s)) throw std::runtime_error("amqp-get does not exit");
  std::string body = read_file(output);
  if (body.empty()) return std::nullopt;
  return body;
}

}  // namespace tidegate::test
