// Pages of other sites, told by their Origin.
#include "http/message/origin.h"

#include <doctest/doctest.h>

namespace tidegate::http {

namespace {

bool from_another_site(std::vector<std::string_view> origins, std::string_view host = "here:8080") {
  RequestHead head;
  head.authority = host;
  for (const auto origin : origins) head.fields.add("Origin", origin);
  return is_from_another_site(head);
}

}  // namespace

TEST_CASE("a page is of this site where its origin is the Host, under either scheme") {
  CHECK_FALSE(from_another_site({}));
  CHECK_FALSE(from_another_site({"http://here:8080"}));
  CHECK_FALSE(from_another_site({"https://HERE:8080"}));
  for (const char* origin : {"http://there:8080", "http://here", "null", "", "ftp://here:8080", "http://here:8080/"}) {
    CAPTURE(origin);
    CHECK(from_another_site({origin}));
  }
  CHECK(from_another_site({"http://here:8080", "http://here:8080"}));
}

}  // namespace tidegate::http
