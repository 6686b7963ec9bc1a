#include "api/settings.h"

#include <algorithm>
#include <fstream>

#include "config/values/urls.h"
#include "config/yaml/scalars.h"
#include "http/message/chars.h"
#include "http/message/head.h"
#include "net/tls/tls_context.h"

namespace tidegate::api {

namespace {

constexpr uint64_t kMaxUploadLeast = 1ull << 10;
constexpr uint64_t kMaxUploadMost = 1ull << 30;
constexpr Duration kPresignLeast = 1min;
constexpr Duration kPresignMost = 168h;  // the limit of S3 signatures
constexpr std::streamsize kSecretBytesMax = 64 << 10;
constexpr size_t kBucketLeast = 3, kBucketMost = 63;

Error wrong(const std::string& name, const std::string& value, const std::string& why) {
  return {ErrorCode::invalid, name + "=" + value + ": " + why};
}

// Does not show the value: it may be a secret.
Error wrong_secret(const std::string& name, const std::string& why) { return {ErrorCode::invalid, name + ": " + why}; }

// The content of the file that `variable` (NAME_FILE) names.
Result<std::string> read_secret_file(const std::string& variable, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kSecretBytesMax + 1, '\0');
  file.read(text.data(), kSecretBytesMax + 1);
  if (file.bad() || !file.eof()) return wrong(variable, path, "the file cannot be read or is larger than 64 KiB");
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return wrong(variable, path, "the file is empty");
  return text;
}

// Reads variables and keeps the first error.
class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::optional<Error> error;

  std::string text(const char* name, const char* fallback = "") const {
    const auto value = environment_(name);
    return value && !value->empty() ? *value : fallback;
  }

  std::string secret(const std::string& name) {
    const std::string value = text(name.c_str());
    const std::string variable = name + "_FILE";
    const std::string path = text(variable.c_str());
    if (path.empty()) return value;
    if (!value.empty()) return fail(wrong_secret(variable, name + " is set too; set only one of them"));
    auto content = read_secret_file(variable, path);
    return content ? std::move(*content) : fail(content.error());
  }

  std::optional<http::HttpUrl> url(const char* name, const char* fallback = "") {
    const std::string value = text(name, fallback);
    if (value.empty()) return std::nullopt;
    auto parsed = http::parse_http_url(value);
    if (!parsed) return fail_url(name, value, "not a URL such as http://127.0.0.1:8081");
    if (parsed->target.find('?') != std::string::npos) {
      return fail_url(name, value, "a query is not allowed; give only a host, a port and a path");
    }
    if (parsed->target.ends_with('/')) parsed->target.pop_back();
    return std::move(*parsed);
  }

  std::string fail(Error why) {
    if (!error) error = std::move(why);
    return "";
  }

 private:
  std::optional<http::HttpUrl> fail_url(const char* name, const std::string& value, const char* why) {
    fail(wrong(name, value, why));
    return std::nullopt;
  }

  const Environment& environment_;
};

void read_upload(Reader& reader, Settings& settings) {
  const std::string upload = reader.text("MAX_UPLOAD", "32MiB");
  const auto size = config::parse_size(upload);
  if (!size) {
    reader.fail(wrong("MAX_UPLOAD", upload, "not a size with a unit, such as 32MiB (B, KiB, MiB, GiB)"));
  } else if (*size < kMaxUploadLeast || *size > kMaxUploadMost) {
    reader.fail(wrong("MAX_UPLOAD", upload, "must be from 1KiB to 1GiB"));
  } else {
    settings.max_upload = *size;
  }
}

// One that cannot be used is a mistake, not an outage of the servers.
void read_authorities(Reader& reader, Settings& settings) {
  settings.ca_file = reader.text("CA_FILE");
  if (settings.ca_file.empty()) return;
  std::vector<net::TlsFileProblem> problems;
  net::TlsContext::for_servers({.ca_file = settings.ca_file}, net::TlsContext::Alpn::none, problems);
  if (!problems.empty()) reader.fail({ErrorCode::invalid, "CA_FILE: " + problems.front().what});
}

void read_redis(Reader& reader, Settings& settings) {
  const std::string url = reader.secret("REDIS_URL");
  if (url.empty()) return;
  auto address = config::parse_redis_url(url);
  if (address) {
    settings.redis = std::move(*address);
    if (settings.redis->tls) settings.redis->tls->ca_file = settings.ca_file;
  } else {
    reader.fail(wrong_secret("REDIS_URL", address.error().message));
  }
}

bool is_bucket_name(std::string_view name) {
  return name.size() >= kBucketLeast && name.size() <= kBucketMost && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || http::is_digit(c) || c == '-'; });
}

// SCHEME://HOST[:PORT]
bool is_s3_endpoint(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const auto parsed = http::parse_http_url("http://" + std::string(text.substr(scheme.size())));
    return parsed && parsed->target == "/";
  }
  return false;
}

void read_s3(Reader& reader, Settings& settings) {
  S3Settings s3;
  s3.endpoint = reader.text("S3_ENDPOINT");
  if (s3.endpoint.empty()) return;
  if (s3.endpoint.ends_with('/')) s3.endpoint.pop_back();
  if (!is_s3_endpoint(s3.endpoint)) {
    reader.fail(wrong("S3_ENDPOINT", s3.endpoint, "not the URL of a host, such as http://127.0.0.1:9000"));
  }
  s3.bucket = reader.text("S3_BUCKET", "watermark");
  if (!is_bucket_name(s3.bucket)) {
    reader.fail(wrong("S3_BUCKET", s3.bucket,
                      "not a bucket name: 3 to 63 characters of a-z, 0-9 and -, not beginning or ending with -"));
  }
  s3.region = reader.text("S3_REGION", "us-east-1");
  s3.access_key = reader.secret("S3_ACCESS_KEY");
  s3.secret_key = reader.secret("S3_SECRET_KEY");
  if (s3.access_key.empty()) reader.fail(wrong_secret("S3_ACCESS_KEY", "required because S3_ENDPOINT is set"));
  if (s3.secret_key.empty()) reader.fail(wrong_secret("S3_SECRET_KEY", "required because S3_ENDPOINT is set"));
  settings.s3 = std::move(s3);
}

void read_presign(Reader& reader, Settings& settings) {
  const std::string text = reader.text("PRESIGN_TTL", "25h");
  const auto ttl = config::parse_duration(text);
  if (ttl && *ttl >= kPresignLeast && *ttl <= kPresignMost) {
    settings.presign_ttl = *ttl;
  } else {
    reader.fail(wrong("PRESIGN_TTL", text, "not a duration from 1m to 168h"));
  }
}

void read_webhook(Reader& reader, Settings& settings) {
  const std::string secret = reader.secret("WEBHOOK_SECRET");
  if (secret.empty()) return;
  auto parsed = config::parse_callback_secret(secret);
  if (parsed) {
    settings.webhook_secret = std::move(*parsed);
  } else {
    reader.fail(wrong_secret("WEBHOOK_SECRET", parsed.error().message));
  }
}

void read_trusted(Reader& reader, Settings& settings) {
  const std::string text = reader.text("TRUSTED_PROXIES");
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const auto cidr = Cidr::parse(http::trim_ows(std::string_view(text).substr(begin, end - begin)));
    if (!cidr) {
      reader.fail(wrong("TRUSTED_PROXIES", text, "not a list of addresses such as 127.0.0.0/8,::1"));
      return;
    }
    settings.trusted_proxies.push_back(*cidr);
    begin = end + 1;
  }
}

}  // namespace

Result<Settings> read_settings(const Environment& environment) {
  Reader reader(environment);
  Settings settings;
  const std::string listen = reader.text("LISTEN", "127.0.0.1:8080");
  const auto address = SocketAddress::parse(listen);
  if (!address) return wrong("LISTEN", listen, "not an address and port, such as 127.0.0.1:8080");
  settings.listen = *address;
  if (auto optimizer = reader.url("OPTIMIZER_URL", "http://127.0.0.1:8081")) settings.optimizer = std::move(*optimizer);
  settings.state_dir = reader.text("STATE_DIR", settings.state_dir.c_str());
  read_upload(reader, settings);
  read_authorities(reader, settings);
  read_redis(reader, settings);
  read_s3(reader, settings);
  read_presign(reader, settings);
  read_webhook(reader, settings);
  read_trusted(reader, settings);
  settings.admin = reader.url("ADMIN_URL");
  settings.faults = reader.url("FAULT_URL");
  if (reader.error) return *reader.error;
  return settings;
}

}  // namespace tidegate::api
