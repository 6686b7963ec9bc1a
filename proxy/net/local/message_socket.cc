#include "net/local/message_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "net/clock.h"
#include "net/uv/passed_file.h"

namespace tidegate::net {

namespace {

// A message as it travels: one byte, then the text; or the byte alone, and the text in the first descriptor.
constexpr char kInline = 'i';
constexpr char kInFile = 'f';
constexpr size_t kInlineMax = 32 * 1024;  // well below the smallest limit of a datagram
constexpr size_t kControlBytes = CMSG_SPACE((Message::kDescriptorsMax + 1) * sizeof(int));
constexpr int kSocketType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

Error system_error(const std::string& what) {
  const ErrorCode code = errno == ENOENT                                              ? ErrorCode::not_found
                         : errno == ECONNREFUSED                                      ? ErrorCode::refused
                         : errno == EAGAIN                                            ? ErrorCode::unavailable
                         : errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? ErrorCode::reset
                                                                                      : ErrorCode::io;
  return {code, what + ": " + std::strerror(errno)};
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::invalid, path + ": the path of a Unix socket has at most 107 bytes"};
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

Result<Descriptor> file_of(const std::string& text) {
  Descriptor file(::memfd_create("tidegate-message", MFD_CLOEXEC));
  for (size_t written = 0; file && written < text.size();) {
    const ssize_t n = ::write(file.number(), text.data() + written, text.size() - written);
    if (n < 0 && errno != EINTR) return system_error("a message's file");
    if (n > 0) written += static_cast<size_t>(n);
  }
  if (!file) return system_error("a message's file");
  return file;
}

Result<std::string> text_of(Descriptor file) {
  struct stat state {};
  if (::fstat(file.number(), &state) != 0) return system_error("a message's file");
  if (state.st_size < 0 || static_cast<size_t>(state.st_size) > Message::kTextMax) {
    return Error{ErrorCode::invalid, "a message is too long"};
  }
  const auto size = static_cast<size_t>(state.st_size);
  auto text = content_of(std::move(file), size)->read_at(0, size);
  if (!text || text->size() < size) return Error{ErrorCode::invalid, "a message's file cannot be read"};
  return text;
}

std::vector<Descriptor> descriptors_of(msghdr& header) {
  std::vector<Descriptor> descriptors;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      descriptors.emplace_back(number);
    }
  }
  return descriptors;
}

void attach(msghdr& header, const std::vector<int>& numbers) {
  header.msg_controllen = CMSG_SPACE(numbers.size() * sizeof(int));
  cmsghdr* const part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(numbers.size() * sizeof(int));
  std::memcpy(CMSG_DATA(part), numbers.data(), numbers.size() * sizeof(int));
}

bool is_no_socket(const std::string& path) {
  struct stat state {};
  return ::lstat(path.c_str(), &state) == 0 && !S_ISSOCK(state.st_mode);
}

}  // namespace

std::pair<MessageSocket, MessageSocket> MessageSocket::pair() {
  int both[2];
  TG_ASSERT(::socketpair(AF_UNIX, kSocketType, 0, both) == 0);
  return {MessageSocket(Descriptor(both[0])), MessageSocket(Descriptor(both[1]))};
}

Result<MessageSocket> MessageSocket::connect(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  Descriptor socket(::socket(AF_UNIX, kSocketType, 0));
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return system_error("connect " + path);
  }
  return MessageSocket(std::move(socket));
}

// Made under another name and then renamed: there is always one, and never one that others may connect to.
Result<Descriptor> MessageSocket::listen(const std::string& path) {
  const std::string made = path + ".new";
  const auto address = unix_address(made);
  if (!address) return address.error();
  for (const std::string& each : {path, made}) {
    if (is_no_socket(each)) return Error{ErrorCode::conflict, "listen " + each + ": a file is there that is no socket"};
  }
  Descriptor socket(::socket(AF_UNIX, kSocketType, 0));
  ::unlink(made.c_str());
  constexpr int kWaitingMax = 4;
  const bool listening = ::fchmod(socket.number(), 0600) == 0 &&
                         ::bind(socket.number(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) == 0 &&
                         ::chmod(made.c_str(), 0600) == 0 && ::listen(socket.number(), kWaitingMax) == 0 &&
                         ::rename(made.c_str(), path.c_str()) == 0;
  if (listening) return socket;
  const Error error = system_error("listen " + path);
  ::unlink(made.c_str());
  return error;
}

Status MessageSocket::check_place(const std::string& path) {
  const std::string folder = path.substr(0, std::max(path.rfind('/'), size_t{1}));
  struct stat state {};
  if (::stat(folder.c_str(), &state) != 0) {
    return Error{ErrorCode::not_found, "its folder " + folder + ": " + std::strerror(errno)};
  }
  const auto conflict = [](const std::string& what) { return Error{ErrorCode::conflict, what}; };
  if (!S_ISDIR(state.st_mode)) return conflict(folder + " is no folder");
  const bool anyone_replaces = (state.st_mode & S_IWOTH) != 0 && (state.st_mode & S_ISVTX) == 0;
  if (anyone_replaces) {
    return conflict("every user may remove or replace what is in its folder " + folder + ": chmod o-w");
  }
  return is_no_socket(path) ? Status(conflict("a file is there that is no socket")) : Ok{};
}

MessageSocket MessageSocket::accept(const Descriptor& listening) {
  return MessageSocket(Descriptor(::accept4(listening.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
}

MessagePeer MessageSocket::peer() const {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  const bool known = getsockopt(descriptor(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  return known ? MessagePeer{credentials.pid, credentials.uid} : MessagePeer{0, ~0U};
}

void MessageSocket::shut_down() { ::shutdown(descriptor(), SHUT_RDWR); }

Status MessageSocket::send(const Message& message) {
  TG_ASSERT(message.descriptors.size() <= Message::kDescriptorsMax);
  std::vector<int> numbers;
  std::optional<Descriptor> file;
  std::string bytes(1, message.text.size() <= kInlineMax ? kInline : kInFile);
  if (bytes.front() == kInline) {
    bytes += message.text;
  } else {
    auto made = file_of(message.text);
    if (!made) return made.error();
    numbers.push_back(file.emplace(std::move(*made)).number());
  }
  for (const Descriptor& each : message.descriptors) numbers.push_back(each.number());
  iovec piece{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (!numbers.empty()) {
    header.msg_control = control.data();
    attach(header, numbers);
  }
  ssize_t sent;
  do sent = ::sendmsg(descriptor(), &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return system_error("send");
  return Ok{};
}

Result<Message> MessageSocket::receive() {
  std::string bytes(kInlineMax + 1, '\0');
  iovec piece{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got;
  do got = ::recvmsg(descriptor(), &header, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return system_error("receive");
  if (got == 0) return Error{ErrorCode::reset, "receive: the other process has closed the connection"};
  Message message;
  message.descriptors = descriptors_of(header);
  if ((header.msg_flags & MSG_CTRUNC) != 0) return Error{ErrorCode::exhausted, "receive: no descriptor is left"};
  if ((header.msg_flags & MSG_TRUNC) != 0) return Error{ErrorCode::invalid, "a message is too long"};
  if (bytes.front() == kInline) {
    message.text = bytes.substr(1, static_cast<size_t>(got) - 1);
    return message;
  }
  if (message.descriptors.empty()) return Error{ErrorCode::invalid, "a message without its file"};
  auto text = text_of(std::move(message.descriptors.front()));
  if (!text) return text.error();
  message.text = std::move(*text);
  message.descriptors.erase(message.descriptors.begin());
  return message;
}

Status MessageSocket::wait(short events, Time deadline, int until, const char* why_late) const {
  std::array<pollfd, 2> watched = {pollfd{until, POLLIN, 0}, pollfd{descriptor(), events, 0}};
  constexpr Duration kPollMax = 24h;  // what fits into its number
  Duration left;
  int ready;
  do {
    left = std::clamp<Duration>(deadline - read_monotonic_clock(), 0ns, kPollMax);
    ready = ::poll(watched.data(), watched.size(), static_cast<int>(ceil_ms(left)));
  } while (left > 0ns && (ready == 0 || (ready < 0 && errno == EINTR)));
  if (ready <= 0) return Error{ErrorCode::timeout, why_late};
  if (watched[0].revents != 0) return Error{ErrorCode::cancelled, "the wait has been ended"};
  return Ok{};
}

Status MessageSocket::send_within(const Message& message, Duration time) {
  const Time deadline = read_monotonic_clock() + time;
  Status sent = send(message);
  while (!sent && sent.error().code == ErrorCode::unavailable) {
    Status waited = wait(POLLOUT, deadline, -1, "send: the other process does not read");
    if (!waited) return waited;
    sent = send(message);
  }
  return sent;
}

Result<Message> MessageSocket::receive_within(Duration time, int until) {
  const Time deadline = read_monotonic_clock() + time;
  auto received = receive();
  while (!received && received.error().code == ErrorCode::unavailable) {
    const Status waited = wait(POLLIN, deadline, until, "receive: the other process does not respond");
    if (!waited) return waited.error();
    received = receive();
  }
  return received;
}

}  // namespace tidegate::net
