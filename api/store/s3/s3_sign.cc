#include "api/store/s3/s3_sign.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/ids.h"
#include "base/keyed_hash.h"
#include "http/target/percent.h"

namespace tidegate::api {

namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string hmac(std::string_view key, std::string_view text) {
  const Sha256Bytes digest = hmac_sha256(key, text);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string hex(const Sha256Bytes& digest) { return to_hex(digest.data(), digest.size()); }

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
  return hex(hmac_sha256(key, text));
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes)); }

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
                  kAlgorithm, http::percent_encode(keys.access_key + "/" + scope_of(keys, when)), when,
                  std::chrono::duration_cast<std::chrono::seconds>(valid_for).count());
  const std::string canonical = canonical_request(target, query, {{"host", target.host}}, "UNSIGNED-PAYLOAD");
  return query + "&X-Amz-Signature=" + signature(keys, when, canonical);
}

}  // namespace tidegate::api
