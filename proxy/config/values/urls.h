// Parsers of the URLs of stores and servers: of queues, results, shared rate limits, callbacks. Pure. Such a URL can
// contain a password, so no error message repeats any part of it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace tidegate::config {

// sqlite:///PATH, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST]; the
// last two with TLS as rediss:// and amqps://.
Result<QueueUrl> parse_queue_url(std::string_view text);
// sqlite:///PATH or redis://…
Result<ResultsUrl> parse_results_url(std::string_view text);
Result<redis::Address> parse_redis_url(std::string_view text);

// An absolute file path, normalized ("/a//b/../c" -> "/a/c").
Result<std::string> parse_file_path(std::string_view text);

// "host" or "host:port" that bodies may be fetched from, lower case.
Result<std::string> parse_reference_host(std::string_view text);

// http://HOST[:PORT][/PATH] or https://…
Result<std::string> parse_callback_url(std::string_view text);
// "whsec_" and base64 of at least 16 bytes, or any other text of at least 16 bytes. Never part of a message.
Result<std::string> parse_callback_secret(std::string_view text);

}  // namespace tidegate::config
