"""docs/reference/outcomes.md has every outcome of the source, with its status and its Proxy-Status error."""
import re
import unittest

from pages import DOCS, ROOT, code_spans, headings, rows

PAGE = DOCS / "reference/outcomes.md"


def page_outcomes():
    return {code_spans(cells[0])[0]: cells for _, cells in rows(PAGE, "outcome")}


class Outcomes(unittest.TestCase):
    def test_every_outcome_of_the_source_is_on_the_page_with_its_status_and_no_other(self):
        source = (ROOT / "proxy/policy/outcome.cc").read_text()
        words = dict(re.findall(r'^    \{"(\w+)", (\d+)\},$', source, re.MULTILINE))
        self.assertGreater(len(words), 20)
        expected = {word: status.replace("0", "", 1) if status == "0" else status for word, status in words.items()}
        found = {word: "".join(re.findall(r"\d{3}", cells[1])) for word, cells in page_outcomes().items()}
        self.assertEqual(found, expected)

    def test_the_proxy_status_of_each_outcome_is_that_of_the_source(self):
        source = (ROOT / "proxy/core/responses.cc").read_text()
        function = re.search(r"proxy_error\(Outcome outcome\) \{(.*?)\n\}", source, re.DOTALL)[1]
        expected, waiting = {}, []
        for line in function.splitlines():
            waiting += re.findall(r"case Outcome::(\w+):", line)
            if answered := re.search(r'return "(\w*)"', line):
                expected.update({word: answered[1] for word in waiting})
                waiting = []
        self.assertGreater(len(expected), 10)
        found = {word: "".join(code_spans(cells[2])) for word, cells in page_outcomes().items()}
        self.assertEqual({word: error for word, error in found.items() if error}, expected)

    def test_troubleshooting_has_a_section_for_each_outcome_that_is_trouble(self):
        sections = " ".join(heading for level, heading in headings(DOCS / "operate/troubleshooting.md")
                            if level == "###")
        for word in page_outcomes().keys() - {"proxied", "queued", "responded", "draining"}:
            self.assertIn(word, re.findall(r"\w+", sections))


if __name__ == "__main__":
    unittest.main()
