#include "config/values/urls.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "config/values/text.h"
#include "config/yaml/diagnostics.h"
#include "config/yaml/scalars.h"
#include "http/target/percent.h"

namespace tidegate::config {

namespace {

constexpr int64_t kDatabaseMax = 1'000'000;
constexpr size_t kSecretBytesMin = 16;
constexpr uint16_t kAmqpsPort = 5671;

Error invalid(std::string message) { return {ErrorCode::invalid, std::move(message)}; }

// None: invalid percent-encoding, or a control character.
std::optional<std::string> percent_decoded(std::string_view text) {
  auto decoded = http::percent_decode(text);
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  if (decoded && std::any_of(decoded->begin(), decoded->end(), is_control)) return std::nullopt;
  return decoded;
}

struct ServerUrl {
  std::string host;  // without brackets
  std::optional<uint16_t> port;
  bool has_user = false;
  std::string user;
  std::string password;
  std::string path;  // decoded, after the '/'
};

Status read_user(std::string_view text, ServerUrl& out) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return invalid("the URL has a user without a password; write `USER:PASSWORD@`");
  const auto user = percent_decoded(text.substr(0, colon)), password = percent_decoded(text.substr(colon + 1));
  if (!user || !password) return invalid("the user or password in the URL is not valid percent-encoding");
  if (password->empty()) return invalid("the password in the URL is empty");
  out.has_user = true;
  out.user = *user;
  out.password = *password;
  return Ok{};
}

// "host", "host:port", "[v6]:port".
Status read_host(std::string_view text, std::string_view example, ServerUrl& out) {
  const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  const size_t colon = bracket == std::string_view::npos ? bracket : text.find(':', bracket);
  const auto host = parse_server_host(text.substr(0, colon));
  if (!host) return invalid(fmt::format("the URL has no valid host; write it as `{}`", example));
  out.host = host->starts_with('[') ? host->substr(1, host->size() - 2) : *host;
  if (colon == std::string_view::npos) return Ok{};
  const auto port = parse_integer(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return invalid("the URL has no valid port (1 to 65535)");
  out.port = static_cast<uint16_t>(*port);
  return Ok{};
}

// What follows "scheme://".
Result<ServerUrl> parse_server(std::string_view rest, std::string_view example) {
  ServerUrl out;
  // A raw / ? # @ or : in a password is ambiguous: it must be percent-encoded, and nothing is guessed.
  const size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return invalid("the URL must not contain ? or #; in a password, write %3F and %23");
  }
  const std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  if (path.find('@') != std::string_view::npos)
    return invalid("the URL has an @ after a /; in a password, write / as %2F");
  if (const size_t at = authority.find('@'); at != std::string_view::npos) {
    if (authority.find('@', at + 1) != std::string_view::npos) {
      return invalid("the URL has more than one @; in a user or password, write @ as %40");
    }
    if (const Status user = read_user(authority.substr(0, at), out); !user) return user.error();
    authority.remove_prefix(at + 1);
  }
  if (const Status host = read_host(authority, example, out); !host) return host.error();
  const auto decoded = percent_decoded(path);
  if (!decoded || path.find('/') != std::string_view::npos) {
    return invalid("the path of the URL is not one percent-encoded name; in a name, write / as %2F");
  }
  out.path = *decoded;
  return out;
}

Result<SqliteUrl> parse_sqlite(std::string_view path) {
  auto parsed = parse_file_path(path);
  if (parsed && path.find_first_of("?#") == std::string_view::npos) return SqliteUrl{*parsed};
  return invalid(fmt::format("{} is not the URL of an absolute file path such as `sqlite:///var/lib/tidegate/jobs.db`",
                             shown("sqlite://" + std::string(path))));
}

enum class Transport : uint8_t { plain, tls };

std::optional<net::TlsClientConfig> tls_of(Transport transport) {
  if (transport == Transport::plain) return std::nullopt;
  return net::TlsClientConfig();
}

Result<redis::Address> parse_redis(std::string_view rest, Transport transport) {
  auto server = parse_server(rest, "redis://127.0.0.1:6379/0");
  if (!server) return server.error();
  redis::Address out;
  out.tls = tls_of(transport);
  out.host = server->host;
  out.port = server->port.value_or(out.port);
  out.user = server->user;
  out.password = server->password;
  if (server->path.empty()) return out;
  const auto database = parse_integer(server->path);
  if (!database || *database < 0 || *database > kDatabaseMax) {
    return invalid("the path of the URL must be a database number, as in `redis://127.0.0.1:6379/0`");
  }
  out.database = static_cast<int>(*database);
  return out;
}

Result<AmqpUrl> parse_amqp(std::string_view rest, Transport transport) {
  auto server = parse_server(rest, "amqp://127.0.0.1:5672/");
  if (!server) return server.error();
  AmqpUrl out;
  out.tls = tls_of(transport);
  out.host = server->host;
  out.port = server->port.value_or(out.tls ? kAmqpsPort : out.port);
  if (server->has_user) {
    if (server->user.empty()) return invalid("the URL has a password without a user");
    out.user = server->user;
    out.password = server->password;
  }
  if (!server->path.empty()) out.vhost = server->path;
  return out;
}

// The rest of `text` after `scheme`; none: `text` does not begin with it.
std::optional<std::string_view> after(std::string_view text, std::string_view scheme) {
  if (!text.starts_with(scheme)) return std::nullopt;
  return text.substr(scheme.size());
}

Error unknown_url(std::string_view text, std::string_view expected) {
  const bool may_hold_password = text.find("://") != std::string_view::npos || text.find('@') != std::string_view::npos;
  return invalid(fmt::format("{} is not {}", may_hold_password ? "this" : shown(text), expected));
}

// How many bytes base64 `text` encodes; none: it is not base64.
std::optional<size_t> base64_size(std::string_view text) {
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
  });
  if (!good || (text.size() + padding) % 4 != 0) return std::nullopt;
  return (text.size() + padding) / 4 * 3 - padding;
}

}  // namespace

Result<QueueUrl> parse_queue_url(std::string_view text) {
  const auto as_url = [](auto parsed) { return parsed ? Result<QueueUrl>(QueueUrl(*parsed)) : parsed.error(); };
  if (const auto rest = after(text, "sqlite://")) return as_url(parse_sqlite(*rest));
  if (const auto rest = after(text, "redis://")) return as_url(parse_redis(*rest, Transport::plain));
  if (const auto rest = after(text, "rediss://")) return as_url(parse_redis(*rest, Transport::tls));
  if (const auto rest = after(text, "amqp://")) return as_url(parse_amqp(*rest, Transport::plain));
  if (const auto rest = after(text, "amqps://")) return as_url(parse_amqp(*rest, Transport::tls));
  return unknown_url(text, "a queue URL such as `sqlite:///var/lib/tidegate/jobs.db`");
}

Result<ResultsUrl> parse_results_url(std::string_view text) {
  const auto as_url = [](auto parsed) { return parsed ? Result<ResultsUrl>(ResultsUrl(*parsed)) : parsed.error(); };
  if (const auto rest = after(text, "sqlite://")) return as_url(parse_sqlite(*rest));
  if (const auto rest = after(text, "redis://")) return as_url(parse_redis(*rest, Transport::plain));
  if (const auto rest = after(text, "rediss://")) return as_url(parse_redis(*rest, Transport::tls));
  return unknown_url(text, "a results URL such as `sqlite:///PATH` or `redis://HOST:PORT/DATABASE`");
}

Result<redis::Address> parse_redis_url(std::string_view text) {
  if (const auto rest = after(text, "redis://")) return parse_redis(*rest, Transport::plain);
  if (const auto rest = after(text, "rediss://")) return parse_redis(*rest, Transport::tls);
  return unknown_url(text, "`local` or a server such as `redis://127.0.0.1:6379/0`");
}

Result<std::string> parse_file_path(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= ' '; });
  if (!plain || !text.starts_with('/') || text.ends_with('/')) {
    return invalid(fmt::format("{} is not an absolute file path", shown(text)));
  }
  return std::filesystem::path(text).lexically_normal().string();
}

Result<std::string> parse_reference_host(std::string_view text) {
  ServerUrl server;
  if (text.find_first_of("/@?#*") != std::string_view::npos || !read_host(text, "", server)) {
    return invalid(fmt::format("{} is not a host such as `minio.internal` or `minio.internal:9000`", shown(text)));
  }
  const bool v6 = server.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + server.host + "]" : server.host;
  return server.port ? fmt::format("{}:{}", host, *server.port) : host;
}

Result<std::string> parse_callback_url(std::string_view text) {
  const auto rest = after(text, text.starts_with("https://") ? "https://" : "http://");
  if (!rest) return unknown_url(text, "a callback URL such as `http://127.0.0.1:8080/done`");
  const std::string_view authority = rest->substr(0, rest->find_first_of("/?"));
  const std::string_view target = rest->substr(authority.size());
  if (authority.find('@') != std::string_view::npos) return invalid("the URL must not contain a user or password");
  const bool plain = std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!plain || target.starts_with('?'))
    return invalid("the path of the URL contains a space, # or another forbidden byte");
  ServerUrl server;
  if (const Status host = read_host(authority, "http://127.0.0.1:8080/done", server); !host) return host.error();
  return std::string(text);
}

Result<std::string> parse_callback_secret(std::string_view text) {
  size_t bytes = text.size();
  if (const auto encoded = after(text, "whsec_")) {
    const auto size = base64_size(*encoded);
    if (!size) return invalid("is not base64 after `whsec_`");
    bytes = *size;
  }
  if (bytes < kSecretBytesMin) return invalid(fmt::format("is too short; write at least {} bytes", kSecretBytesMin));
  return std::string(text);
}

}  // namespace tidegate::config
