// The checker itself: it takes what is right and refuses each thing that is wrong.
#include "unit/metrics/exposition.h"

#include <doctest/doctest.h>

namespace tidegate::metrics {

TEST_CASE("The checker accepts correct expositions") {
  const Exposition text(
      "# HELP a_total All of it\n# TYPE a_total counter\na_total{x=\"1\",y=\"q\\\"\\\\\\n\"} 3\na_total{x=\"2\"} "
      "4.5e+2\n"
      "# HELP h Times\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3.5\nh_count 2\n"
      "# HELP g Now\n# TYPE g gauge\ng -1\n");
  CHECK(text.errors().empty());
  CHECK(text.value("a_total", {{"x", "1"}, {"y", "q\"\\\n"}}) == 3.0);
  CHECK(text.sum("a_total") == 453);
  CHECK(text.sum("a_total", {{"x", "2"}}) == 450);
  CHECK(text.value("h_sum") == 3.5);
  CHECK(text.value("g") == -1.0);
  CHECK_FALSE(text.value("g", {{"x", "1"}}));
}

TEST_CASE("The checker refuses incorrect expositions") {
  const std::string head = "# HELP g Now\n# TYPE g gauge\n";
  const std::string histogram = "# HELP h Times\n# TYPE h histogram\n";
  const std::string cases[] = {
      "",
      head + "g 1",                              // no line end
      head + "g 1\n\ng{x=\"1\"} 1\n",            // an empty line
      head + "g\n",                              // no value
      head + "g x\n",                            // no number
      head + "g 1 1700000000\n",                 // a time stamp
      head + "g  1\n",                           // two spaces
      head + "g{x=\"1\"}1\n",                    // none
      head + "g{x=1} 1\n",                       // no quotes
      head + "g{x=\"1\",} 1\n",                  // a comma too many
      head + "g{x=\"1\" y=\"2\"} 1\n",           // one too few
      head + "g{x=\"1\",x=\"2\"} 1\n",           // a label twice
      head + "g{x-y=\"1\"} 1\n",                 // a bad name
      head + "g{x=\"\\t\"} 1\n",                 // a bad escape
      head + "g 1\ng 2\n",                       // a series twice
      head + "other 1\n",                        // of no family
      head,                                      // without series
      head + "g 1\n" + head + "g{x=\"1\"} 1\n",  // in two pieces
      "g 1\n",                                   // without help and type
      "# TYPE g gauge\n# HELP g Now\ng 1\n",
      "# HELP g Now\n# TYPE g thing\ng 1\n",
      "# HELP c Count\n# TYPE c counter\nc 1\n",
      "# HELP c_total Count\n# TYPE c_total counter\nc_total -1\n",
      histogram + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
      histogram + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
      histogram + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
      histogram + "h_bucket{le=\"+Inf\"} 1\nh_count 1\n",
      histogram + "h_bucket 1\nh_sum 1\nh_count 1\n",
      histogram + "h 1\n",
  };
  for (const std::string& text : cases) {
    CAPTURE(text);
    CHECK_FALSE(Exposition(text).errors().empty());
  }
}

}  // namespace tidegate::metrics
