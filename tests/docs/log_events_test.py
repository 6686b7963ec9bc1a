"""docs/reference/log-events.md has every event that the sources log, with its levels and fields, and no other."""
import re
import unittest

import log_events
from pages import DOCS, ROOT, all_documents, code_spans, rows

# Calls that compute the name of their event, and what they make of it.
COMPUTED = {"proxy/core/replay/replaying.cc": [f"{kind}_{end}" for kind in ("job", "callback")
                                               for end in ("succeeded", "retried", "dead")] + ["job_deferred"]}


class LogEvents(unittest.TestCase):
    def setUp(self):
        self.events, self.computed = log_events.in_sources()

    def test_every_computed_name_is_known(self):
        self.assertEqual({file for file, *_ in self.computed}, set(COMPUTED))

    def test_the_page_has_every_event_with_its_levels_and_fields(self):
        expected = {event: (found["levels"], found["fields"]) for event, found in self.events.items()}
        for file, program, _, fields in self.computed:
            for name in COMPUTED[file]:
                expected[program, name] = ({"warn"} if name.endswith("_dead") else {"info"}, fields)
        self.assertGreater(len(expected), 60)
        page = {(heading, code_spans(cells[0])[0]): (set(code_spans(cells[1])), set(code_spans(cells[2])))
                for heading, cells in rows(DOCS / "reference/log-events.md", "event")}
        self.assertEqual(expected.keys() - page.keys(), set(), "not on the page")
        self.assertEqual(page.keys() - expected.keys(), set(), "no longer in the sources")
        for event in expected:
            with self.subTest(event=event):
                self.assertEqual(page[event], expected[event])

    def test_every_event_that_another_page_names_is_there(self):
        names = {name for _, name in self.events} | {name for names in COMPUTED.values() for name in names}
        checked = 0
        for file in all_documents():
            for named in re.findall(r"\bevents? ((?:`[a-z_]+`(?:, | and | or )?)+)", file.read_text()):
                for name in code_spans(named):
                    checked += 1
                    with self.subTest(file=str(file.relative_to(ROOT)), event=name):
                        self.assertIn(name, names)
        self.assertGreater(checked, 8)


if __name__ == "__main__":
    unittest.main()
