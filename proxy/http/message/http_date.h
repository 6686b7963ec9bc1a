// Dates as HTTP writes them: IMF-fixdate, RFC 9110 section 5.6.7.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "http/message/head.h"

namespace tidegate::http {

// "Tue, 24 Nov 2026 01:59:43 GMT".
std::string http_date(WallTime time);

// Any of the three forms that a recipient must understand (IMF-fixdate, RFC 850, asctime); none = it is no date.
std::optional<WallTime> parse_http_date(std::string_view text);

// The wait in Retry-After, in seconds or as a date, which is read by the clock that wrote `date` (the same
// response's Date field; "" = by ours, `now`). At most a day, at least 0; none: the field is malformed.
std::optional<Duration> parse_retry_after(std::string_view text, std::string_view date, WallTime now);

// That of a response with these fields; none: it has no Retry-After, or a malformed one.
std::optional<Duration> retry_after_of(const Fields& fields, WallTime now);

}  // namespace tidegate::http
