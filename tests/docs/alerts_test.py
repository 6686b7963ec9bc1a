"""docs/operate/monitoring.md has every alert on Tidegate with its severity, and no other."""
import re
import unittest

from pages import DOCS, ROOT, code_spans, rows


class Alerts(unittest.TestCase):
    def test_the_page_has_every_alert_with_its_severity_and_no_other(self):
        rules = (ROOT / "deploy/prometheus/rules/tidegate.yml").read_text()
        shipped = dict(re.findall(r"- alert: (\w+)\n(?:(?!- alert:).*\n)*? +labels: \{severity: (\w+)\}", rules))
        self.assertEqual(len(shipped), rules.count("- alert: "))
        page = {code_spans(cells[0])[0]: cells[1] for _, cells in rows(DOCS / "operate/monitoring.md", "alert")}
        self.assertEqual(page, shipped)


if __name__ == "__main__":
    unittest.main()
