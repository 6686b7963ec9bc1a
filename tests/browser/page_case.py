"""The base of the page's tests: the three programs with the demonstration, one browser, photographs. Each class starts
its own programs (`changes` to the shipped configuration, `environment` of the API); all share the browser."""
import atexit
import base64
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from browser import NARROW, ROOT, WIDE, Browser, what_is_missing  # noqa: E402
from programs import Stack, eventually, http  # noqa: E402

SCREENSHOTS = ROOT / "build" / "screenshots"
PHOTO_JS = (pathlib.Path(__file__).parent / "photo.js").read_text()
# The breaker opens after one upload and probes a second later; in production that takes five failures and 30 s.
HASTY = [("consecutive_failures: 5", "consecutive_failures: 2"), ("open_for: 30s", "open_for: 1s"),
         ("open_for_max: 5m", "open_for_max: 1s"), (r"max: 5m", "max: 1s")]
shared = {}


def the_browser():
    if "browser" not in shared:
        shared["browser"] = Browser()
        atexit.register(shared["browser"].quit)
    return shared["browser"]


@unittest.skipIf(what_is_missing(), what_is_missing())
class PageCase(unittest.TestCase):
    changes = HASTY
    environment = {}
    # Console messages that a test causes: lines that contain one of these texts are not a finding.
    expected_lines = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-page-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.stack = Stack(folder.name, cls.changes)
        cls.stack.api.environment.update({"FAULT_URL": cls.stack.urls["optimizer"] + "/fault",
                                          "ADMIN_URL": cls.stack.urls["admin"], **cls.environment})
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()
        cls.url = cls.stack.urls["api"] + "/"
        cls.browser = the_browser()
        if "photo" not in shared:
            shared["photo"] = cls.make_photo("evening.jpg", 2700, 1800, 7).read_bytes()
        cls.photo = cls.folder / "evening.jpg"
        cls.photo.write_bytes(shared["photo"])

    @classmethod
    def make_photo(cls, name, width, height, seed, quality=0.97):
        cls.browser.driver.get(cls.url)
        made = cls.browser.run_async(PHOTO_JS, width, height, seed, quality)
        path = cls.folder / name
        path.write_bytes(base64.b64decode(made, validate=True))
        return path

    def setUp(self):
        self.failure_shot = SCREENSHOTS / f"failed-{self.id().rsplit('.', 1)[1]}.png"
        self.failure_shot.unlink(missing_ok=True)
        self.browser.driver.get("about:blank")
        self.restore_optimizer()
        self.browser.throttle(-1)
        self.browser.resize(WIDE)
        self.browser.scheme("light")
        self.browser.cdp("Storage.clearDataForOrigin", origin=self.url, storageTypes="all")
        # The history lies in sessionStorage, which the command above need not clear.
        self.browser.driver.get(self.url + "health")
        self.browser.js("sessionStorage.clear()")
        self.browser.driver.get(self.url)
        self.browser.console()

    def tearDown(self):
        try:
            self.check_console()
        finally:
            if not self._outcome.success:
                self.browser.shoot(self.failure_shot)

    def check_console(self):
        findings = [entry["message"] for entry in self.browser.console()
                    if not any(words in entry["message"] for words in self.expected_lines)]
        self.assertEqual(findings, [], "the console is clean")

    def restore_optimizer(self):
        http("POST", self.stack.urls["optimizer"] + "/fault?mode=none")

    def break_optimizer(self):
        http("POST", self.stack.urls["optimizer"] + "/fault?mode=error&status=503")

    def closed(self):
        return self.stack.breaker()["state"] == "closed"

    def choose(self, path):
        self.browser.find("image").send_keys(str(path))

    def write(self, text):
        field = self.browser.find("text")
        field.clear()
        field.click()
        # As an input method does: some versions of ChromeDriver type no character beyond the first 65,536.
        self.browser.driver.execute_cdp_cmd("Input.insertText", {"text": text})

    def send(self, path, text):
        self.choose(path)
        self.write(text)
        self.browser.find("send").click()

    def until_loaded(self, image_id):
        self.browser.until(f"{image_id} is drawn", lambda: self.browser.js(
            "const image = document.getElementById(arguments[0]);"
            "return image.checkVisibility() && image.complete && image.naturalWidth > 0", image_id))

    def four_looks(self, state):
        """Screenshots of a state: narrow and wide, dark and light."""
        for size, width in ((WIDE, "wide"), (NARROW, "narrow")):
            self.browser.resize(size)
            for scheme in ("dark", "light"):
                self.browser.scheme(scheme)
                self.browser.shoot(SCREENSHOTS / f"{state}-{width}-{scheme}.png")
        self.browser.resize(WIDE)

    def api_metric(self, pattern):
        """The sum of the series of the API whose name and labels match."""
        text = http("GET", self.stack.urls["api"] + "/metrics").body.decode()
        return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", text, re.MULTILINE))


__all__ = ["HASTY", "NARROW", "SCREENSHOTS", "WIDE", "PageCase", "eventually", "http"]
