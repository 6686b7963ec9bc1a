// Where a URL that may be of several kinds has the settings of TLS.
#pragma once

#include <variant>

#include "config/config.h"

namespace tidegate::config {

// Of a QueueUrl, a ResultsUrl, or an optional one. Null: it is a file, or there is none.
template <typename Url>
auto* tls_of(Url& url) {
  if constexpr (requires { url.has_value(); }) {
    return url ? tls_of(*url) : nullptr;
  } else {
    using Found = decltype(&std::get<redis::Address>(url).tls);  // const where `url` is
    const auto find = [](auto& kind) -> Found {
      if constexpr (requires { kind.tls; }) return &kind.tls;
      else return nullptr;
    };
    return std::visit(find, url);
  }
}

}  // namespace tidegate::config
