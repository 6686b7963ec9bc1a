// Fields in which proxies tell who their client is: its address, host, scheme or port. Servers believe them, so only a
// trusted proxy may send them on.
#pragma once

#include <string_view>

namespace tidegate::http {

// Case does not matter, and neither does `_` for `-`: CGI, WSGI and others read both as the same variable.
bool is_identity_field(std::string_view name);
// Equal in that sense.
bool is_same_variable(std::string_view name, std::string_view other);

}  // namespace tidegate::http
