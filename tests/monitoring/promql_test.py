#!/usr/bin/env python3
"""What the reader of expressions finds in them."""
import unittest

from promql import Expression


class Expressions(unittest.TestCase):
    def selectors(self, text):
        return Expression(text).selectors

    def test_a_metric_with_and_without_matchers(self):
        self.assertEqual(self.selectors("up"), ["up"])
        self.assertEqual(self.selectors('up{job="a", instance!~"b|c"}'), ['up{job="a",instance!~"b|c"}'])

    def test_functions_aggregations_and_words_are_no_metrics(self):
        text = 'sum by (job, le) (rate(a_total{x="y"}[5m])) / ignoring(job) group_left (le) b and max(c) or topk(3, d) > bool 2'
        self.assertEqual(self.selectors(text), ['a_total{x="y"}', "b", "c", "d"])
        self.assertEqual(Expression(text).grouped_by, {"job", "le"})

    def test_the_text_of_strings_ranges_and_numbers_is_no_metric(self):
        text = 'max_over_time(timestamp(a{b="c{d}(e)"} == 1)[1d:15s]) - 1e3 + a offset 5m + label_replace(f, "g", "$1", "h", "(i)")'
        self.assertEqual(self.selectors(text), ['a{b="c{d}(e)"}', "a", "f"])

    def test_recorded_names_have_colons(self):
        self.assertEqual(self.selectors("route:requests:rate5m > 0.1"), ["route:requests:rate5m"])


if __name__ == "__main__":
    unittest.main()
