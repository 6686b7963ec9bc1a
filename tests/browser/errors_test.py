"""The texts of errors, and which of them the page retries by itself."""
import unittest

from page_case import HASTY, SCREENSHOTS, PageCase, http

FALLBACK = "on: [breaker_open, bulkhead_full, pool_full, connect_failure, timeout, reset, 502, 503, 504]"


class Refused(PageCase):
    environment = {"MAX_UPLOAD": "64KiB"}
    expected_lines = ("status of 400", "status of 413", "status of 415")

    def write_file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_a_file_of_another_type_is_not_sent(self):
        self.choose(self.write_file("notes.txt", b"not a picture"))
        self.browser.until("the page complains", lambda: self.browser.text("complaint") ==
                           "“notes.txt” is not supported. Choose a JPEG, PNG or WebP picture.")
        self.assertTrue(self.browser.shown("drop"))
        self.browser.shoot(SCREENSHOTS / "error-text-file.png")

    def test_a_text_file_named_like_a_picture(self):
        self.send(self.write_file("notes.jpg", b"not a picture at all " * 20), "text")
        self.browser.until_title("This is not a picture")
        self.assertEqual(self.browser.text("status-text"), "Choose a JPEG, PNG or WebP file.")
        self.assertFalse(self.browser.shown("retry"), "the same upload would fail the same way")
        self.assertTrue(self.browser.shown("no-preview"))
        self.four_looks("8-not-a-picture")

    def test_a_picture_that_is_too_large(self):
        self.send(self.photo, "large")
        self.browser.until_title("The picture is too large")
        self.assertRegex(self.browser.text("status-text"), r"^The limit is \d+ kB\. Choose a smaller picture\.$")
        self.browser.shoot(SCREENSHOTS / "error-too-large.png")

    def test_a_truncated_picture(self):
        whole = self.make_photo("whole.jpg", 300, 200, 3, 0.9).read_bytes()
        self.browser.driver.get(self.url)
        self.send(self.write_file("cut.jpg", whole[:len(whole) // 2]), "cut")
        self.browser.until_title("The picture is damaged")

    def test_a_form_without_picture_or_text_is_not_sent(self):
        self.browser.find("send").click()
        self.assertEqual(self.browser.text("complaint"), "Choose a picture first.")
        self.choose(self.photo)
        self.assertEqual(self.browser.text("complaint"), "")
        self.browser.find("text").send_keys("   ")
        self.browser.find("send").click()
        self.assertEqual(self.browser.text("complaint"), "Enter the text of the watermark.")
        self.assertEqual(self.browser.js("return document.activeElement.id"), "text")
        self.assertFalse(self.browser.shown("status"))


class Limited(PageCase):
    changes = [*HASTY, ("rate: 10/s", "rate: 1/8s"), ("burst: 20", "burst: 1")]
    expected_lines = ("status of 429",)

    def test_a_rate_limited_upload_shows_the_wait_and_is_retried(self):
        small = self.make_photo("small.jpg", 600, 400, 3, 0.9)
        self.browser.driver.get(self.url)
        self.send(small, "one")
        self.browser.until_title("Done")
        self.write("two")
        self.browser.find("send").click()
        self.browser.until_title("Too many uploads at once")
        self.assertRegex(self.browser.text("wait"), r"^Trying again automatically in \d+ s\.$")
        self.assertEqual(self.browser.find("retry").text, "Try now")
        self.assertEqual(self.browser.find("cancel").text, "Stop trying")
        self.four_looks("9-rate-limited")
        self.browser.until_title("Done")


class LimitedForLong(PageCase):
    changes = [*HASTY, ("rate: 10/s", "rate: 1/5m"), ("burst: 20", "burst: 1")]
    expected_lines = ("status of 429",)

    def test_stop_trying_ends_the_retries(self):
        small = self.make_photo("other.jpg", 600, 400, 4, 0.9)
        self.browser.driver.get(self.url)
        self.choose(small)
        self.write("three")
        self.browser.find("send").click()
        self.browser.until_title("Done")
        self.write("four")
        self.browser.find("send").click()
        self.browser.until_title("Too many uploads at once")
        self.browser.find("cancel").click()
        self.assertFalse(self.browser.shown("status"))
        self.assertTrue(self.browser.shown("view"), "the picture is still chosen")


class Unavailable(PageCase):
    """Without a queue as the fallback of the route, an outage is shown as an error."""
    changes = [*HASTY, (FALLBACK, "on: [bulkhead_full]"), ("open_for: 1s", "open_for: 3s"),
               ("open_for_max: 1s", "open_for_max: 3s")]
    expected_lines = ("status of 500", "status of 502", "status of 503", "status of 504")

    def test_an_open_breaker_is_retried(self):
        small = self.make_photo("small.jpg", 600, 400, 3, 0.9)
        self.browser.driver.get(self.url)
        self.break_optimizer()
        self.send(small, "unavailable")
        self.browser.until("a refusal", lambda: self.browser.js(
            "return document.getElementById('status').dataset.mood") == "failed")
        self.assertIn(self.browser.text("status-title"), ("The optimizer failed", "The optimizer is unavailable"))
        self.assertIn("Your picture is still selected", self.browser.text("status-text"))
        self.browser.find("retry").click()
        self.browser.until_title("The optimizer is unavailable")
        self.assertRegex(self.browser.text("wait"), r"^Trying again automatically in \d+ s\.$")
        self.browser.shoot(SCREENSHOTS / "error-breaker-open.png")
        self.restore_optimizer()
        self.browser.until_title("Done")

    def test_an_unreachable_proxy_is_an_error(self):
        small = self.make_photo("lost.jpg", 600, 400, 8, 0.9)
        self.browser.driver.get(self.url)
        self.stack.tidegate.kill()
        self.send(small, "lost")
        self.browser.until_title("The optimizer could not be reached")
        self.stack.tidegate.start()
        self.browser.find("retry").click()
        self.browser.until_title("Done")


class NoDemonstration(PageCase):
    expected_lines = ("status of 404",)  # of /demo itself

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.api.stop()
        for name in ("FAULT_URL", "ADMIN_URL"):
            cls.stack.api.environment.pop(name)
        cls.stack.api.start()

    def test_without_a_demonstration_there_is_no_switch(self):
        self.assertEqual(http("GET", self.url + "demo").status, 404)
        self.browser.until("the page has asked", lambda: self.browser.js(
            "return performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/demo'))"))
        self.assertFalse(self.browser.shown("demo"))
        self.send(self.photo, "plain")
        self.browser.until_title("Done")
        self.assertFalse(self.browser.shown("demo"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
