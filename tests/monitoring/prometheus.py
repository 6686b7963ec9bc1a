"""A real Prometheus with the shipped configuration and rules, asking programs on loopback ports once a second."""
import pathlib
import re
import shutil
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import shipped  # noqa: E402
from programs import Program, free_port, http  # noqa: E402


class Prometheus(Program):
    """`targets`: the shipped target -> HOST:PORT of the program that stands for it."""

    def __init__(self, folder, targets):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder = pathlib.Path(folder)
        folder.mkdir()
        shutil.copytree(shipped.PROMETHEUS / "rules", folder / "rules")
        (folder / "prometheus.yml").write_text(self.configuration(targets))
        super().__init__("prometheus", ["setpriv", "--pdeathsig", "KILL", "prometheus",
                                        f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                        f"--web.listen-address=127.0.0.1:{port}"],
                         folder / "prometheus.log", f"{self.url}/-/ready")

    @staticmethod
    def is_here():
        return shutil.which("prometheus") is not None

    @staticmethod
    def configuration(targets):
        text = (shipped.PROMETHEUS / "prometheus.yml").read_text()
        asked = set(re.findall(r"^    static_configs: \[\{targets: \[([\w:-]+)\]\}\]$", text, re.MULTILINE))
        assert asked == set(targets), f"prometheus.yml asks {asked}, the test runs {set(targets)}"
        for shipped_target, target in targets.items():
            text = text.replace(f"[{shipped_target}]", f"['{target}']")
        return re.sub(r"(scrape|evaluation)_interval: \d+s", r"\1_interval: 1s", text)

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
