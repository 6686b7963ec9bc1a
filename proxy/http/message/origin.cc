#include "http/message/origin.h"

namespace tidegate::http {

bool is_from_another_site(const RequestHead& head) {
  if (head.fields.count("origin") > 1) return true;
  const auto origin = head.fields.find("origin");
  if (!origin) return false;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin->starts_with(scheme)) return !iequals(origin->substr(scheme.size()), head.authority);
  }
  return true;  // "null", or no value that a browser sends
}

}  // namespace tidegate::http
