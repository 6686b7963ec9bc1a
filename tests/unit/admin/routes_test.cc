#include "admin/routes.h"

#include <doctest/doctest.h>

namespace tidegate::admin {

TEST_CASE("an endpoint is found by its method and its path, HEAD as GET") {
  struct Row {
    const char* method;
    const char* path;
    const char* endpoint;
    Access access;
    PathValues values;
  };
  for (const Row& row : {
           Row{"GET", "/health", "/health", Access::open, {}},
           Row{"HEAD", "/api/status", "/api/status", Access::show, {}},
           Row{"GET", "/api/queues", "/api/queues", Access::show_jobs, {}},
           Row{"DELETE", "/api/queues/q/jobs", "/api/queues/{queue}/jobs", Access::change, {"q", ""}},
           Row{"GET", "/api/queues/q/jobs/1f", "/api/queues/{queue}/jobs/{id}", Access::show_jobs, {"q", "1f"}},
           Row{"POST",
               "/api/queues/replay/jobs/1f/replay",
               "/api/queues/{queue}/jobs/{id}/replay",
               Access::change,
               {"replay", "1f"}},
           Row{"POST", "/api/queues/jobs/replay", "/api/queues/{queue}/replay", Access::change, {"jobs", ""}},
       }) {
    CAPTURE(row.path);
    const FoundEndpoint found = find_endpoint(row.method, row.path);
    REQUIRE(found.endpoint != nullptr);
    CHECK(found.endpoint->path == row.endpoint);
    CHECK(found.endpoint->access == row.access);
    CHECK(found.values.queue == row.values.queue);
    CHECK(found.values.id == row.values.id);
  }
}

TEST_CASE("an unknown path has no methods, and a known one has those that are allowed") {
  struct Row {
    const char* path;
    const char* allow;
  };
  for (const Row& row : {Row{"", ""}, Row{"/", ""}, Row{"/healthy", ""}, Row{"/health/", ""}, Row{"/api/queues/", ""},
                         Row{"/api/queues/q", ""}, Row{"/api/queues//jobs", ""}, Row{"/api/queues/q/jobs/", ""},
                         Row{"/api/queues/q/jobs/1f/replay/", ""}, Row{"/health", "GET, HEAD"},
                         Row{"/api/queues/q/jobs", "GET, HEAD, DELETE"}, Row{"/api/queues/q/replay", "POST, DELETE"},
                         Row{"/api/queues/q/jobs/1f/replay", "POST"}}) {
    CAPTURE(row.path);
    const FoundEndpoint found = find_endpoint("PATCH", row.path);
    CHECK(found.endpoint == nullptr);
    CHECK(found.allow == row.allow);
  }
}

}  // namespace tidegate::admin
