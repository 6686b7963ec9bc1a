#!/usr/bin/env python3
"""The dashboard's file: what Grafana would show wrongly without a word."""
import json
import unittest

import shipped


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.dashboard = json.loads(shipped.DASHBOARDS[0].read_text())
        self.panels = self.dashboard["panels"]

    def test_every_panel_has_a_number_and_a_title_of_its_own(self):
        for field in ("id", "title"):
            values = [panel[field] for panel in self.panels]
            self.assertEqual(len(values), len(set(values)), field)

    def test_no_panel_covers_another_or_leaves_the_grid(self):
        taken = {}
        for panel in self.panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, f"{panel['title']!r} covers {taken.get((x, y))!r}")
                    taken[x, y] = panel["title"]

    def test_every_query_goes_to_the_chosen_data_source(self):
        for panel in self.panels:
            for target in panel.get("targets", []):
                self.assertEqual(target["datasource"]["uid"], "${datasource}", panel["title"])

    def test_every_number_has_a_unit(self):
        for panel in self.panels:
            if panel["type"] in ("timeseries", "stat"):
                self.assertTrue(panel["fieldConfig"]["defaults"].get("unit"), panel["title"])

    def test_what_an_operator_needs_in_an_outage_comes_first(self):
        first = [panel["title"] for panel in self.panels if panel["gridPos"]["y"] < 9]
        for title in ("Breakers", "Open for", "Reasons for opening", "Dependencies", "Jobs waiting", "Dead letters"):
            self.assertIn(title, first)


if __name__ == "__main__":
    unittest.main()
