#!/usr/bin/env python3
"""Every rule and every query of the dashboard asks for series that the programs really have: all of them run, traffic
is made, a real Prometheus scrapes them, and each expression is put to it.
"""
import pathlib
import re
import subprocess
import tempfile
import unittest

import prometheus
import shipped
from photo import make_png
from programs import BIN, Program, Stack, eventually, free_port, http, upload

CALLBACK = (re.compile(r"# callback: \{.*\}"),
            'callback: {url: "http://127.0.0.1:%d/done", secret: "a secret of the test"}' % free_port())
QUICK_PROBE = ("open_for: 30s", "open_for: 1s")
# Of a configuration with certificates, which the demonstration has not: promtool's fixtures have it.
ONLY_WITH_TLS = "tidegate_tls_certificate_expiry_timestamp_seconds"


@unittest.skipUnless(prometheus.Prometheus.is_here(), "skipped: prometheus is not installed (`make deps-all`)")
class Series(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.stack = Stack(folder.name, [CALLBACK, QUICK_PROBE])
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()
        cls.with_store = cls.start_api_with_store(folder.name)
        address = {name: url.removeprefix("http://") for name, url in cls.stack.urls.items()}
        cls.prometheus = prometheus.Prometheus(pathlib.Path(folder.name) / "prometheus", {
            "watermark:9901": [address["admin"]], "watermark:8080": [address["api"], cls.with_store],
            "optimizer:3001": [address["optimizer"]]})
        cls.addClassCleanup(cls.prometheus.stop)
        cls.prometheus.start()
        cls.scraped("the programs are scraped", "tidegate_build_info == 1")
        cls.make_traffic()

    @classmethod
    def start_api_with_store(cls, folder):
        """A second API, for the metrics of a store in S3. Nobody is at home there, which the metrics tell."""
        listen = f"127.0.0.1:{free_port()}"
        api = Program("api-with-store", [BIN / "watermark-api"], f"{folder}/api-with-store.log",
                      f"http://{listen}/health",
                      {"LISTEN": listen, "OPTIMIZER_URL": cls.stack.urls["proxy"], "S3_ENDPOINT": "http://127.0.0.1:1",
                       "S3_ACCESS_KEY": "an-access-key", "S3_SECRET_KEY": "a-secret-key"})
        cls.addClassCleanup(api.stop)
        api.start()
        return listen

    @classmethod
    def scraped(cls, what, expression):
        eventually(what, lambda: cls.prometheus.query(expression))

    @classmethod
    def make_traffic(cls):
        """A picture, the same again, an outage that opens the breaker, and its end."""
        stack, picture = cls.stack, make_png(32, 32)
        statuses = [upload(stack.urls["api"], picture, text).status for text in ("one", "one")]
        http("POST", stack.urls["optimizer"] + "/fault?mode=error&status=503", b"")
        statuses += [upload(stack.urls["api"], picture, f"in the outage {i}").status for i in range(6)]
        assert statuses == [200] * 2 + [202] * 6, statuses
        cls.scraped("the breaker is seen open", 'tidegate_breaker_state{state="open"} == 1')
        http("POST", stack.urls["optimizer"] + "/fault?mode=none", b"")
        cls.scraped("the breaker is seen closed", 'tidegate_breaker_state{state="closed"} == 1')
        cls.scraped("the jobs are seen done", 'tidegate_queue_jobs_total{event="succeeded",queue="optimize-jobs"} == 6')
        cls.scraped("the rules are recorded", "route:tidegate_http_errors:ratio5m")

    def test_every_expression_names_what_is_there(self):
        queries = self.prometheus.all_queries()
        self.assertGreater(len(queries), 70)
        missing = [line for query in queries for line in self.prometheus.missing_of(query)
                   if ONLY_WITH_TLS not in line]
        self.assertEqual(missing, [])

    def test_a_series_a_value_or_a_label_that_is_not_there_is_found(self):
        for text, complaint in (("sum(tidegate_breaker_stat)", "no series tidegate_breaker_stat"),
                                ('tidegate_breaker_state{state="ajar"}', 'no series tidegate_breaker_state{state="ajar"}'),
                                ("sum by (upstreem) (tidegate_retries_total)", "the label upstreem"),
                                ("sum(rate(tidegate_retries_total)", "parse error"),
                                ("vector(1)", "asks for no series")):
            missing = self.prometheus.missing_of(shipped.Query("panel", text, set()))
            self.assertEqual(len(missing), 1, text)
            self.assertIn(complaint, missing[0])
        unknown_legend = self.prometheus.missing_of(shipped.Query("panel", "up", {"nickname"}))
        self.assertEqual(unknown_legend, ["panel: no series has the label nickname"])

    def test_every_alert_says_what_it_means_and_what_to_do(self):
        for rule in self.prometheus.rules():
            if rule["type"] != "alerting":
                continue
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"), rule["name"])
            self.assertGreater(len(rule["annotations"]["summary"]), 20, rule["name"])
            self.assertGreater(len(rule["annotations"]["description"]), 100, rule["name"])

    def test_every_target_of_the_configuration_responds(self):
        targets = self.prometheus.ask("targets")["activeTargets"]
        self.assertEqual({target["labels"]["job"]: target["health"] for target in targets},
                         {"tidegate": "up", "watermark-api": "up", "watermark-optimizer": "up"},
                         [target["lastError"] for target in targets])

    def test_promtool_finds_nothing_to_say_about_the_metrics(self):
        for url in (*(self.stack.urls[name] for name in ("admin", "api", "optimizer")), f"http://{self.with_store}"):
            text = http("GET", url + "/metrics").body
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""), url)

    def test_every_metric_of_ours_is_on_the_dashboard_or_in_a_rule(self):
        families = set()
        for url in (*(self.stack.urls[name] for name in ("admin", "api", "optimizer")), f"http://{self.with_store}"):
            families |= set(re.findall(r"^# TYPE ((?:tidegate|watermark)_\w+)", http("GET", url + "/metrics").body.decode(),
                                       re.MULTILINE))
        asked = " ".join(query.text for query in self.prometheus.all_queries())
        self.assertEqual([name for name in sorted(families)
                          if not re.search(rf"\b{name}(_bucket|_count|_sum)?\b", asked)], [])


if __name__ == "__main__":
    unittest.main()
