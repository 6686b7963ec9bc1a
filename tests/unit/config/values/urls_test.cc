#include "config/values/urls.h"

#include <doctest/doctest.h>

using namespace tidegate;
using namespace tidegate::config;

namespace {

std::string refused(const std::string& url) {
  const auto parsed = parse_queue_url(url);
  return parsed ? "accepted" : parsed.error().message;
}

}  // namespace

TEST_CASE("every part of a Redis URL is read, and it is shown without its password") {
  const auto url = std::get<redis::Address>(*parse_queue_url("redis://app:p%40ss%3A%2Fw@Redis.internal:6380/3"));
  CHECK(url.host == "redis.internal");
  CHECK(url.port == 6380);
  CHECK(url.database == 3);
  CHECK(url.user == "app");
  CHECK(url.password == "p@ss:/w");
  CHECK(url.shown() == "redis://app@redis.internal:6380/3");
  const auto plain = std::get<redis::Address>(*parse_queue_url("redis://[::1]"));
  CHECK(plain == redis::Address{"::1", 6379, 0, "", ""});
  CHECK(plain.shown() == "redis://[::1]:6379/0");
  CHECK(std::get<redis::Address>(*parse_queue_url("redis://:only-a-password@h/")).password == "only-a-password");
}

TEST_CASE("every part of a RabbitMQ URL is read, and it is shown without its password") {
  const auto url = std::get<AmqpUrl>(*parse_queue_url("amqp://t%C3%AEde:s%23cret@[2001:db8::1]:5673/jobs%2Fnight"));
  CHECK(url.host == "2001:db8::1");
  CHECK(url.port == 5673);
  CHECK(url.user ==
        "t\xc3\xae"
        "de");
  CHECK(url.password == "s#cret");
  CHECK(url.vhost == "jobs/night");
  CHECK(url.shown().find("cret") == std::string::npos);
  const auto plain = std::get<AmqpUrl>(*parse_queue_url("amqp://rabbit"));
  CHECK(plain.port == 5672);
  CHECK(plain.user == "guest");
  CHECK(plain.password == "guest");
  for (const char* root : {"amqp://rabbit", "amqp://rabbit/", "amqp://rabbit/%2f"}) {
    CHECK(std::get<AmqpUrl>(*parse_queue_url(root)).vhost == "/");
  }
}

TEST_CASE("a URL of a server may ask for TLS, and is shown so") {
  const auto redis = std::get<redis::Address>(*parse_queue_url("rediss://app:secret@redis.internal/3"));
  CHECK(redis.tls == net::TlsClientConfig());
  CHECK(redis.port == 6379);
  CHECK(redis.shown() == "rediss://app@redis.internal:6379/3");
  CHECK(parse_redis_url("rediss://h")->tls);
  CHECK(std::get<redis::Address>(*parse_results_url("rediss://h")).tls);
  CHECK_FALSE(parse_redis_url("redis://h")->tls);
  const auto amqp = std::get<AmqpUrl>(*parse_queue_url("amqps://rabbit"));
  CHECK(amqp.tls == net::TlsClientConfig());
  CHECK(amqp.port == 5671);
  CHECK(amqp.shown() == "amqps://guest@rabbit:5671/");
  CHECK(std::get<AmqpUrl>(*parse_queue_url("amqps://rabbit:5672")).port == 5672);
  CHECK(refused("rediss://:s3cret@/0") == "the URL has no valid host; write it as `redis://127.0.0.1:6379/0`");
  CHECK(*parse_callback_url("https://h.example/done?x=1") == "https://h.example/done?x=1");
}

TEST_CASE("errors about the URL of a server repeat no part of it") {
  CHECK(refused("redis://:s3cret@/0") == "the URL has no valid host; write it as `redis://127.0.0.1:6379/0`");
  CHECK(refused("amqp://") == "the URL has no valid host; write it as `amqp://127.0.0.1:5672/`");
  CHECK(refused("redis://h:0") == "the URL has no valid port (1 to 65535)");
  CHECK(refused("redis://[::1]6379") == "the URL has no valid host; write it as `redis://127.0.0.1:6379/0`");
  CHECK(refused("redis://h:65536/0") == "the URL has no valid port (1 to 65535)");
  CHECK(refused("redis://h/jobs") == "the path of the URL must be a database number, as in `redis://127.0.0.1:6379/0`");
  CHECK(refused("redis://h/-1") == "the path of the URL must be a database number, as in `redis://127.0.0.1:6379/0`");
  CHECK(refused("redis://s3cret@h") == "the URL has a user without a password; write `USER:PASSWORD@`");
  CHECK(refused("redis://u:@h") == "the password in the URL is empty");
  CHECK(refused("amqp://:s3cret@h") == "the URL has a password without a user");
  CHECK(refused("redis://u:s3%zzcret@h") == "the user or password in the URL is not valid percent-encoding");
  CHECK(refused("redis://u:s3%00cret@h") == "the user or password in the URL is not valid percent-encoding");
  CHECK(refused("redis://u:s3/cret@h") == "the URL has an @ after a /; in a password, write / as %2F");
  CHECK(refused("redis://u:s3@cret@h") == "the URL has more than one @; in a user or password, write @ as %40");
  CHECK(refused("redis://u:s3#cret@h") == "the URL must not contain ? or #; in a password, write %3F and %23");
  CHECK(refused("redis://h/0?x=1") == "the URL must not contain ? or #; in a password, write %3F and %23");
  CHECK(refused("amqp://h/a/b") == "the path of the URL is not one percent-encoded name; in a name, write / as %2F");
  CHECK(refused("reddis://u:s3cret@h") == "this is not a queue URL such as `sqlite:///var/lib/tidegate/jobs.db`");
}
