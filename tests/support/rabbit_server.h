// A real rabbitmq-server on free loopback ports, with its own data and port mapper (epmd). All of it ends with the test
// program, however that ends. It takes seconds to start: one server for each program, shared by its cases.
//
//   TEST_SUITE_BEGIN("rabbitmq" * doctest::skip(!RabbitServer::installed()));
//   TEST_CASE("…") {
//     RabbitServer& server = RabbitServer::shared();
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/certificates.h"
#include "support/server.h"

namespace tidegate::test {

class RabbitServer : public Server {
 public:
  static bool installed();  // and the tools of amqp-tools
  // Started on first use; it serves when this returns.
  static RabbitServer& shared();

  RabbitServer();
  ~RabbitServer();

  void start();  // on the same port and data, after stop or kill; waits until it serves

  uint16_t port() const { return port_; }
  // A further listener, by TLS, for as long as the server runs. `client_ca`: clients need a certificate of it.
  uint16_t listen_by_tls(const CertificateFiles& files, const std::string& client_ca = "");
  std::string url() const { return "amqp://guest:guest@127.0.0.1:" + std::to_string(port_); }
  // rabbitmqctl; throws where it fails. Slow: seconds.
  std::string control(const std::vector<std::string>& arguments);

  // On a connection of their own.
  void delete_queue(const std::string& queue);
  void purge_queue(const std::string& queue);
  void publish(const std::string& queue, const std::string& message_id, const std::string& body);
  // Takes the first message and publishes `copies` of it again, with the same properties and the changed body.
  void rewrite(const std::string& queue, int copies, const std::function<void(std::string& body)>& change);
  // Messages that are ready; none: no such queue.
  std::optional<int> depth(const std::string& queue);
  // Takes the first message with the tool amqp-get, as an operator may; none: the queue is empty.
  std::optional<std::string> get_with_tool(const std::string& queue);

 private:
  std::vector<std::string> with_settings(const std::vector<std::string>& command) const;
  std::string run(const std::vector<std::string>& command);

  const uint16_t dist_port_, epmd_port_;
  std::unique_ptr<Process> epmd_;
  int runs_ = 0;
};

}  // namespace tidegate::test
