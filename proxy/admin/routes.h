// The endpoints of the admin interface, in one table (routes.cc): to add one, add a line there.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "admin/context.h"
#include "admin/guard.h"
#include "http/server/server.h"

namespace tidegate::admin {

// The values of {queue} and {id} in a path; "" where the path has none.
struct PathValues {
  std::string queue;
  std::string id;
};

struct Endpoint {
  std::string_view method;  // GET includes HEAD
  std::string_view path;    // "/api/queues/{queue}/jobs/{id}"
  Access access;
  // Responds at once and returns null, or returns the handler that reads the body and responds.
  std::unique_ptr<http::Handler> (*handle)(Context& context, http::Responder& responder, const PathValues& values);
};

struct FoundEndpoint {
  const Endpoint* endpoint = nullptr;  // null: no endpoint has this path and method
  PathValues values;
  std::string allow;  // the methods of the path, as in Allow; "": no endpoint has this path
};

FoundEndpoint find_endpoint(std::string_view method, std::string_view path);

}  // namespace tidegate::admin
