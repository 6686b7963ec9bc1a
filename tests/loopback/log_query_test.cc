// What of a request the access log and the admin interface show.
#include <cmath>

#include "loopback/fixture.h"

namespace tidegate::loopback {

TEST_CASE("the values of a query are shown neither in the log nor with a job, unless log.query is full") {
  struct Row {
    const char* settings;
    const char* shown;
  };
  for (const Row& row :
       {Row{"access: all", "?key=&sig=&*"}, Row{"access: all, query: names", "?key=&sig=&*"},
        Row{"access: all, query: off", ""}, Row{"access: all, query: full", "?key=1&sig=s3cret&s3cret"}}) {
    CAPTURE(row.settings);
    Fixture fixture(usual_config().log(row.settings));
    const std::string query = "?key=1&sig=s3cret&s3cret";
    fixture.ask(get("/plain" + query));
    fixture.ask(get("/nowhere" + query));
    const std::string id = fixture.ask(post("/job" + query, "work")).json().at("job_id");
    CHECK(fixture.logged("proxied").at(0).at("target") == "/plain" + std::string(row.shown));
    CHECK(fixture.logged("no_route").at(0).at("target") == "/nowhere" + std::string(row.shown));
    CHECK(fixture.logged("queued").at(0).at("target") == "/job" + std::string(row.shown));
    CHECK(fixture.admin("/api/queues/jobs/jobs/" + id).json().at("target") == "/job" + std::string(row.shown));
    CHECK(fixture.admin("/api/queues/jobs/jobs").json().at("jobs")[0].at("target") == "/job" + std::string(row.shown));
  }
}

TEST_CASE("the access log has the time of a request in milliseconds with one decimal") {
  Fixture fixture(usual_config().log("access: all"));
  fixture.ask(get("/plain"));
  const double tenths = fixture.logged("proxied").at(0).at("took_ms").get<double>() * 10;
  CHECK(std::abs(tenths - std::round(tenths)) < 1e-6);
}

}  // namespace tidegate::loopback
