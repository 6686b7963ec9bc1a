"""docs/reference/metrics.md has every metric of the three running programs, with its type and labels, and no other."""
import re
import unittest

from pages import DOCS, code_spans, rows

from demonstration import BIN, Program, demonstration, eventually, free_port, http

# Of a configuration with certificates, which the demonstration has not.
ONLY_WITH_TLS = {"tidegate_tls_certificate_expiry_timestamp_seconds"}
PREFIXES = {"tidegate": ("tidegate_", "process_"), "watermark-api": ("watermark_api_",),
            "watermark-optimizer": ("watermark_optimizer_",)}


def families(text):
    """{name: (type, labels)} of an exposition; the labels of its first series, without those of a histogram's own."""
    found, name = {}, None
    for line in text.splitlines():
        if kind := re.match(r"# TYPE (\S+) (\S+)", line):
            name = kind[1]
            found[name] = (kind[2], set())
        elif line and not line.startswith("#") and name:
            found[name][1].update(set(re.findall(r'(\w+)="', line)) - {"le"})
    return found


class Metrics(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.stack = demonstration()
        # What comes only with an object store; nobody is there, which it tells.
        listen = f"127.0.0.1:{free_port()}"
        cls.with_store = f"http://{listen}"
        api = Program("api-with-store", [BIN / "watermark-api"], cls.stack.folder / "with-store.log",
                      cls.with_store + "/health",
                      {"LISTEN": listen, "OPTIMIZER_URL": cls.stack.urls["proxy"], "S3_ENDPOINT": "http://127.0.0.1:1",
                       "S3_ACCESS_KEY": "an-access-key", "S3_SECRET_KEY": "a-secret-key"})
        cls.addClassCleanup(api.stop)
        api.start()

    def of(self, *urls):
        found = {}
        for url in urls:
            found.update(families(http("GET", url + "/metrics").body.decode()))
        return found

    def test_the_page_has_every_metric_with_its_type_and_labels_and_no_other(self):
        urls = self.stack.urls
        http("GET", urls["proxy"] + "/no-such-path")
        eventually("the loop's lag is measured", lambda: "tidegate_loop_lag_seconds" in self.of(urls["admin"]))
        found = {"tidegate": self.of(urls["admin"]), "watermark-api": self.of(urls["api"], self.with_store),
                 "watermark-optimizer": self.of(urls["optimizer"])}
        page = {}
        for heading, cells in rows(DOCS / "reference/metrics.md", "metric"):
            page.setdefault(heading, {})[code_spans(cells[0])[0]] = (cells[1], set(code_spans(cells[2])))
        for program, prefixes in PREFIXES.items():
            with self.subTest(program=program):
                self.assertTrue(all(name.startswith(prefixes) for name in page[program]))
                shown = {name: kind for name, kind in page[program].items() if name not in ONLY_WITH_TLS}
                self.assertEqual(shown, found[program])


if __name__ == "__main__":
    unittest.main()
