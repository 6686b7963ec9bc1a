#include "cli/handover/protocol.h"

#include <utility>

namespace tidegate::cli {

using jobs::MessageReader;
using jobs::MessageWriter;

std::optional<Kind> kind_of(const net::Message& message) {
  const uint8_t kind = message.text.empty() ? 0 : static_cast<uint8_t>(message.text.front());
  if (kind < static_cast<uint8_t>(Kind::hello) || kind > static_cast<uint8_t>(Kind::wait)) return std::nullopt;
  return static_cast<Kind>(kind);
}

net::Message make_message(Kind kind, std::string_view payload) {
  net::Message message;
  message.text = static_cast<char>(kind);
  message.text += payload;
  return message;
}

net::Message with_kind(Kind kind, net::Message message) {
  message.text.insert(message.text.begin(), static_cast<char>(kind));
  return message;
}

net::Message without_kind(net::Message message) {
  message.text.erase(0, 1);
  return message;
}

net::Message socket_message(net::InheritedSocket socket) {
  MessageWriter writer;
  writer.text(socket.address.to_string()).number(socket.managed ? 1 : 0);
  net::Message message = make_message(Kind::socket, writer.take());
  message.descriptors.push_back(std::move(socket.socket));
  return message;
}

std::optional<net::InheritedSocket> read_socket(net::Message message) {
  MessageReader reader(std::string_view(message.text).substr(1));
  const auto address = SocketAddress::parse(reader.text());
  const bool managed = reader.number() != 0;
  if (!reader.ok() || !address || message.descriptors.size() != 1) return std::nullopt;
  return net::InheritedSocket{*address, std::move(message.descriptors.front()), managed};
}

net::Message wait_message(const Wait& wait) {
  MessageWriter writer;
  writer.number(static_cast<uint64_t>(ceil_ms(wait.time_max))).text(wait.what);
  return make_message(Kind::wait, writer.take());
}

std::optional<Wait> read_wait(const net::Message& message) {
  MessageReader reader(std::string_view(message.text).substr(1));
  const uint64_t time_ms = reader.number();
  std::string what = reader.text();
  if (!reader.ok() || time_ms > static_cast<uint64_t>(ceil_ms(Wait::kMax))) return std::nullopt;
  return Wait{std::chrono::milliseconds(time_ms), std::move(what)};
}

net::Message prepared_message(const Prepared& prepared) {
  MessageWriter writer;
  writer.number(prepared.addresses.size());
  for (const SocketAddress& address : prepared.addresses) writer.text(address.to_string());
  writer.number(prepared.queues.size());
  for (const PreparedQueue& queue : prepared.queues) writer.text(queue.name).text(queue.store);
  return make_message(Kind::prepared, writer.take());
}

std::optional<Prepared> read_prepared(const net::Message& message) {
  MessageReader reader(std::string_view(message.text).substr(1));
  Prepared prepared;
  for (uint64_t left = reader.number(); left > 0 && reader.ok(); --left) {
    const auto address = SocketAddress::parse(reader.text());
    if (!address) return std::nullopt;
    prepared.addresses.push_back(*address);
  }
  for (uint64_t left = reader.number(); left > 0 && reader.ok(); --left) {
    PreparedQueue& queue = prepared.queues.emplace_back();
    queue.name = reader.text();
    queue.store = reader.text();
  }
  return reader.ok() ? std::optional(std::move(prepared)) : std::nullopt;
}

}  // namespace tidegate::cli
