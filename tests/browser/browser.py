"""A headless Chromium for the tests: without network beyond loopback; waits are for conditions; closed at the end."""
import base64
import pathlib
import shutil
import tempfile

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    webdriver = ActionChains = Keys = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The bound of every wait: it only ends a broken run.
WAIT_S = 120
NARROW, WIDE = (360, 740), (1440, 900)
SWITCHES = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
            "--disable-default-apps", "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--force-device-scale-factor=1",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")


def what_is_missing():
    missing = [name for name, there in (("python3-selenium", webdriver), ("chromium", CHROMIUM),
                                        ("chromium-driver", DRIVER)) if not there]
    return f"no {', '.join(missing)}" if missing else ""


class Browser:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="tidegate-browser-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for switch in [*SWITCHES, f"--user-data-dir={self.profile.name}"]:
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        except BaseException:
            self.profile.cleanup()
            raise
        self.cdp("Network.enable")
        self.resize(WIDE)

    def quit(self):
        self.driver.quit()
        self.profile.cleanup()

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def run_async(self, code, *arguments):
        """The value of the promise; `code` is the body of an async function."""
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"(async (...given) => {{{code}}})(...arguments).then(done, (error) => done('threw: ' + error));", *arguments)

    def find(self, element_id):
        return self.driver.find_element(By.ID, element_id)

    def text(self, element_id):
        return self.js("return document.getElementById(arguments[0]).textContent", element_id)

    def shown(self, element_id):
        return self.js("return document.getElementById(arguments[0]).checkVisibility()", element_id)

    def until(self, what, condition, seconds=WAIT_S):
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition(), f"never came true: {what}")

    def until_title(self, title):
        """Waits for the title of the status card; a failure shows its actual texts."""
        def said():
            now = self.text("status-title") if self.shown("status") else ""
            return now == title
        try:
            self.until(title, said)
        except Exception as late:
            raise AssertionError(f"the page never showed {title!r}; it shows {self.text('status-title')!r}: "
                                 f"{self.text('status-text')!r}, {self.text('complaint')!r}") from late

    def resize(self, size):
        width, height = size
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name},
                                                         {"name": "prefers-reduced-motion", "value": "reduce"}])

    def throttle(self, up_bytes_per_s):
        """Limits the upload rate; -1: no limit."""
        self.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1,
                 uploadThroughput=up_bytes_per_s)

    def offline(self, is_so):
        self.cdp("Network.emulateNetworkConditions", offline=is_so, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def console(self):
        """The new messages of the console: policy violations, errors, failed loads."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]

    def shoot(self, path):
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, **self._whole_page())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _whole_page(self):
        size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
