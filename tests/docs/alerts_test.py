"""docs/operate/monitoring.md has every alert on Tidegate with its severity, and no other; and every alert can fire: what
it asks for is a metric on the reference page, with labels and values that the programs give."""
import re
import unittest

from pages import DOCS, ROOT, code_spans, rows

RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
SOURCES = [file for folder in ("proxy", "api", "optimizer") for file in sorted((ROOT / folder).rglob("*.cc"))]
# Series that exist for a feature to come: what would ask for them, and what in the source would bring them about.
NOT_YET = {"forced": (r'state=~?"[^"]*forced', r"(\.|->)force\(")}
SELECTOR = re.compile(r"\b((?:tidegate|watermark|process)_\w+)(?:\{([^}]*)\})?")


def expressions():
    """(the alert or record, its expression) of each shipped rule."""
    for file in RULES:
        for rule in re.split(r"^ +- (?=alert:|record:)", file.read_text(), flags=re.MULTILINE)[1:]:
            body = re.search(r"^ +expr: *(\|\n(?: +.*\n)+?(?= +(?:for|labels|annotations):|\Z)|.*\n)", rule, re.MULTILINE)
            yield rule.split()[1], body[1]


class Alerts(unittest.TestCase):
    def test_the_page_has_every_alert_with_its_severity_and_no_other(self):
        rules = (ROOT / "deploy/prometheus/rules/tidegate.yml").read_text()
        shipped = dict(re.findall(r"- alert: (\w+)\n(?:(?!- alert:).*\n)*? +labels: \{severity: (\w+)\}", rules))
        self.assertEqual(len(shipped), rules.count("- alert: "))
        page = {code_spans(cells[0])[0]: cells[1] for _, cells in rows(DOCS / "operate/monitoring.md", "alert")}
        self.assertEqual(page, shipped)

    def test_every_rule_asks_for_metrics_labels_and_values_that_there_are(self):
        metrics = {code_spans(cells[0])[0]: set(code_spans(cells[2])) | {"job", "instance", "le"}
                   for _, cells in rows(DOCS / "reference/metrics.md", "metric")}
        words = set(re.findall(r'"([\w.]+)"', "".join(file.read_text() for file in SOURCES)))
        asked = 0
        for name, expression in expressions():
            for metric, matchers in SELECTOR.findall(re.sub(r"\b\w+:\w+:\w+\b", "", expression)):
                family = metric if metric in metrics else re.sub(r"_(bucket|count|sum)$", "", metric)
                self.assertIn(family, metrics, name)
                asked += 1
                for label, values in re.findall(r'(\w+)[=!]~?"([^"]*)"', matchers):
                    self.assertIn(label, metrics[family], f"{name}: {metric}")
                    literal = [value for value in values.split("|") if re.fullmatch(r"\w+", value)]
                    self.assertEqual([value for value in literal if value not in words], [], f"{name}: {metric} {label}")
        self.assertGreater(asked, 25)

    def test_no_rule_waits_for_what_nothing_can_bring_about_yet(self):
        source = "".join(file.read_text() for file in SOURCES if "policy" not in file.parts)
        for feature, (asks, brings_about) in NOT_YET.items():
            with self.subTest(feature=feature):
                self.assertNotRegex(source, brings_about, "it exists now: remove it from NOT_YET, and add its alert")
                self.assertEqual([name for name, expression in expressions() if re.search(asks, expression)], [])


if __name__ == "__main__":
    unittest.main()
