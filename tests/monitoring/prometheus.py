"""A real Prometheus with the shipped configuration and rules, asking programs on loopback ports once a second."""
import pathlib
import re
import shutil

import asked  # first: it knows where programs is
import shipped
from programs import Program, free_port


class Prometheus(Program, asked.Asked):
    """`targets`: the shipped target -> HOST:PORT of each program that stands for it."""

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
        for shipped_target, addresses in targets.items():
            text = text.replace(f"[{shipped_target}]", str(addresses))
        return re.sub(r"(scrape|evaluation)_interval: \d+s", r"\1_interval: 1s", text)
