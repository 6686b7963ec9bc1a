"""What is shipped for Prometheus and Grafana, and the queries of the dashboard as Grafana sends them."""
import dataclasses
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
FIXTURES = sorted((PROMETHEUS / "tests").glob("*.yml"))
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))

_BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__range": "30m"}
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)$", re.DOTALL)


@dataclasses.dataclass
class Query:
    where: str    # for the message
    text: str
    legend: set   # labels that the legend or the annotations name


def alert_names():
    return [name for file in RULES for name in re.findall(r"^ +- alert: (\w+)$", file.read_text(), re.MULTILINE)]


def _everything(dashboard):
    """What each variable stands for when a dashboard is opened: all of it."""
    return {variable["name"]: variable.get("allValue", "") for variable in dashboard["templating"]["list"]}


def _substituted(text, variables, where):
    def value(found):
        name = found[1] or found[2]
        if name not in variables:
            raise AssertionError(f"{where} uses ${name}, which the dashboard does not have")
        return variables[name]
    return _VARIABLE.sub(value, text)


def dashboard_queries():
    for file in DASHBOARDS:
        yield from _queries_of(json.loads(file.read_text()))


def _queries_of(dashboard):
    variables = {**_BUILT_IN, **_everything(dashboard)}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            where = f"panel {panel['title']!r}"
            yield Query(where, _substituted(target["expr"], variables, where), set(_LEGEND.findall(target["legendFormat"])))
    for annotation in dashboard["annotations"]["list"]:
        where = f"annotation {annotation['name']!r}"
        words = annotation["titleFormat"] + annotation["textFormat"]
        yield Query(where, _substituted(annotation["expr"], variables, where), set(_LEGEND.findall(words)))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = _LABEL_VALUES.match(variable["query"]["query"]).groups()
        yield Query(f"variable ${variable['name']}", _substituted(selector, variables, variable["name"]), {label})
