"""What a Prometheus that runs is asked: its rules, its series, and which of the shipped expressions name what it lacks."""
import pathlib
import re
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import shipped  # noqa: E402
from programs import http  # noqa: E402
from promql import Expression  # noqa: E402


class Asked:
    """`url`: where the Prometheus answers."""

    url = ""

    def ask(self, path, **parameters):
        """The data of an answer, or AssertionError with what Prometheus says is wrong."""
        answer = http("GET", f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}").json()
        if answer["status"] != "success":
            raise AssertionError(answer["error"])
        return answer["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def series(self, selector):
        """Everything since the start that the selector matches."""
        return self.ask("series", **{"match[]": selector})

    def value(self, expression):
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def rule_queries(self):
        for rule in self.rules():
            words = " ".join(rule.get("annotations", {}).values())
            yield shipped.Query(f"rule {rule['name']}", rule["query"], set(re.findall(r"\$labels\.(\w+)", words)))

    def all_queries(self):
        return [*self.rule_queries(), *shipped.dashboard_queries()]

    def missing_of(self, query):
        """What an expression asks for and is not there, in words."""
        try:
            self.query(query.text)
        except AssertionError as error:
            return [f"{query.where}: {error}"]
        expression = Expression(query.text)
        labels, missing = set(), []
        for selector in expression.selectors:
            found = self.series(selector)
            if not found:
                missing.append(f"{query.where}: there is no series {selector}")
            for series in found:
                labels.update(series)
        if not expression.selectors:
            missing.append(f"{query.where}: asks for no series")
        unknown = (expression.grouped_by | query.legend) - labels
        if unknown and not missing:
            missing.append(f"{query.where}: no series has the label {', '.join(sorted(unknown))}")
        return missing
