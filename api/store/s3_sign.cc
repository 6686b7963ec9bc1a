#include "api/store/s3_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/ids.h"

namespace tidegate::api {

namespace {

constexpr size_t kDigestBytes = 32;
constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  TG_ASSERT(made != nullptr && size == kDigestBytes);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

// "20130524T000000Z"
std::string timestamp(WallTime now) {
  const time_t seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {text.data(), size};
}

std::string scope_of(const S3Keys& keys, const std::string& when) {
  return fmt::format("{}/{}/s3/aws4_request", when.substr(0, 8), keys.region);
}

// "host;x-amz-date"
std::string names_of(const std::map<std::string, std::string>& fields) {
  std::string names;
  for (const auto& [name, value] : fields) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string canonical_request(const S3Target& target, const std::string& query,
                              const std::map<std::string, std::string>& fields, std::string_view payload_sha256) {
  std::string lines;
  for (const auto& [name, value] : fields) lines += name + ":" + value + "\n";
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", target.method, target.path, query, lines, names_of(fields),
                     payload_sha256);
}

std::string signature(const S3Keys& keys, const std::string& when, const std::string& canonical) {
  const std::string text = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, when, scope_of(keys, when), sha256_hex(canonical));
  std::string key = hmac("AWS4" + keys.secret_key, when.substr(0, 8));
  for (const std::string_view part :
       {std::string_view(keys.region), std::string_view("s3"), std::string_view("aws4_request")}) {
    key = hmac(key, part);
  }
  const std::string digest = hmac(key, text);
  return to_hex(reinterpret_cast<const uint8_t*>(digest.data()), digest.size());
}

// As a value of a query.
std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    plain ? out += c : out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  TG_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  return to_hex(digest.data(), size);
}

std::vector<std::string> s3_signed_fields(const S3Keys& keys, const S3Target& target, const std::string& payload_sha256,
                                          std::map<std::string, std::string> more, WallTime now) {
  const std::string when = timestamp(now);
  more.insert_or_assign("x-amz-date", when);
  more.insert_or_assign("x-amz-content-sha256", payload_sha256);
  std::map<std::string, std::string> fields = more;
  fields.insert_or_assign("host", target.host);
  std::vector<std::string> lines;
  lines.reserve(more.size() + 1);
  for (const auto& [name, value] : more) lines.push_back(name + ": " + value);
  lines.push_back(fmt::format("Authorization: {} Credential={}/{},SignedHeaders={},Signature={}", kAlgorithm,
                              keys.access_key, scope_of(keys, when), names_of(fields),
                              signature(keys, when, canonical_request(target, target.query, fields, payload_sha256))));
  return lines;
}

std::string s3_presigned_query(const S3Keys& keys, const S3Target& target, Duration valid_for, WallTime now) {
  TG_ASSERT(target.query.empty() && valid_for >= 1s && valid_for <= 168h);
  const std::string when = timestamp(now);
  const std::string query =
      fmt::format("X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders=host",
                  kAlgorithm, encode(keys.access_key + "/" + scope_of(keys, when)), when,
                  std::chrono::duration_cast<std::chrono::seconds>(valid_for).count());
  const std::string canonical = canonical_request(target, query, {{"host", target.host}}, "UNSIGNED-PAYLOAD");
  return query + "&X-Amz-Signature=" + signature(keys, when, canonical);
}

}  // namespace tidegate::api
