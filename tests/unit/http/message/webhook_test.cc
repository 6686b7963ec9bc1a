// Signatures of messages, and what is not believed.
#include "http/message/webhook.h"

#include <doctest/doctest.h>

#include <vector>

namespace tidegate::http {

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kRight = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr const char* kSent = "1614265330";
const WallTime kNow{1'614'265'330s};

using List = std::vector<std::pair<std::string_view, std::string_view>>;

std::string doubt(const List& list, WallTime now = kNow, std::string_view body = kBody) {
  Fields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return std::string(distrust_webhook(fields, body, kSecret, now).value_or(""));
}

std::string doubt_of_signature(std::string_view signature) {
  return doubt({{"webhook-id", kId}, {"webhook-timestamp", kSent}, {"webhook-signature", signature}});
}

}  // namespace

TEST_CASE("a signature is that of the Standard Webhooks libraries") {
  // The example that the reference libraries are tested with.
  CHECK(webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330,
                          R"({"test": 2432232314})") == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  // A secret that is not encoded is the key as it stands; computed with another implementation of HMAC.
  CHECK(webhook_signature("sixteen bytes or more", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330,
                          R"({"test": 2432232314})") == "v1,vB/RcK3DsQmBfdulwjqHua0e/e4naSfxEXJYPP7Oxtk=");
}

TEST_CASE("a message is accepted with one right signature among others, and with no other") {
  const std::string right = kRight;
  CHECK(doubt_of_signature(right).empty());
  CHECK(doubt_of_signature("v1a,xyz " + right).empty());
  CHECK(doubt_of_signature(right + " v1,AAAA").empty());
  CHECK(doubt_of_signature("v1,A  " + right + " ").empty());
  for (const std::string& wrong : {std::string(), std::string("v1,"), std::string(" "), right.substr(3), right + "A",
                                   "v2," + right.substr(3), right.substr(0, right.size() - 2), right + ",v1"}) {
    CAPTURE(wrong);
    CHECK(doubt_of_signature(wrong) == "The signature is wrong.");
  }
}

TEST_CASE("the signature covers id, time and body") {
  const List good = {{"Webhook-Id", kId}, {"Webhook-Timestamp", kSent}, {"Webhook-Signature", kRight}};
  CHECK(doubt(good).empty());
  CHECK(doubt(good, kNow, R"({"test": 2432232315})") == "The signature is wrong.");
  CHECK(doubt({{"webhook-id", "msg_other"}, good[1], good[2]}) == "The signature is wrong.");
  CHECK(doubt({good[0], {"webhook-timestamp", "1614265331"}, good[2]}) == "The signature is wrong.");
}

TEST_CASE("a message is accepted within five minutes of its time") {
  const List good = {{"webhook-id", kId}, {"webhook-timestamp", kSent}, {"webhook-signature", kRight}};
  CHECK(doubt(good, kNow + 5min).empty());
  CHECK(doubt(good, kNow - 5min).empty());
  CHECK(doubt(good, kNow + 5min + 1s) == "webhook-timestamp is more than 5 minutes off.");
  CHECK(doubt(good, kNow - 5min - 1s) == "webhook-timestamp is more than 5 minutes off.");
  for (const char* time : {"", "now", "-1", "1e9", "1614265330.5", "99999999999999999999", "999999999999999"}) {
    CAPTURE(time);
    CHECK(doubt({good[0], {"webhook-timestamp", time}, good[2]}) == "webhook-timestamp is not a number of seconds.");
  }
}

TEST_CASE("each field must be present exactly once") {
  const List good = {{"webhook-id", kId}, {"webhook-timestamp", kSent}, {"webhook-signature", kRight}};
  for (size_t i = 0; i < good.size(); ++i) {
    List less = good;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(doubt(less).find("must each be present") != std::string::npos);
    List more = good;
    more.push_back(good[i]);
    CHECK(doubt(more).find("must each be present") != std::string::npos);
  }
}

}  // namespace tidegate::http
