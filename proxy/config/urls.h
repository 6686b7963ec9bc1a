// The URLs of stores and servers: where a queue, its results or a shared count lie. As values.h: pure, and an error's
// message is a whole sentence; since such a URL may hold a password, no message repeats any part of it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace tidegate::config {

// sqlite:///PATH, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST].
Result<QueueUrl> parse_queue_url(std::string_view text);
// sqlite:///PATH or redis://…
Result<ResultsUrl> parse_results_url(std::string_view text);
Result<redis::Address> parse_redis_url(std::string_view text);

// An absolute path of a file, made plain ("/a//b/../c" -> "/a/c").
Result<std::string> parse_file_path(std::string_view text);

// "host" or "host:port" whose bodies may be fetched, lower case.
Result<std::string> parse_reference_host(std::string_view text);

// http://HOST[:PORT][/PATH]; https:// is not supported yet.
Result<std::string> parse_callback_url(std::string_view text);
// "whsec_" and base64 of 16 bytes or more, or any other text of 16 bytes or more. Never in a message.
Result<std::string> parse_callback_secret(std::string_view text);

}  // namespace tidegate::config
