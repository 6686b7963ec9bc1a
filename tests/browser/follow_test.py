"""Following a queued picture: after a reload, from a link, hidden, and through a lost connection."""
import re
import unittest

from page_case import SCREENSHOTS, WIDE, PageCase, http

POLLS = "return performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/status/')).length"


class Follow(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.small = cls.make_photo("lake.jpg", 900, 600, 5, 0.9)

    def accept(self, text):
        """Queues an upload; the optimizer is broken afterwards. Returns the key."""
        self.break_optimizer()
        self.send(self.small, text)
        self.browser.until_title("Queued")
        key = self.browser.js("return location.hash.slice(1)")
        self.assertRegex(key, "^[0-9a-f]{64}$")
        return key

    def polls(self):
        return self.browser.js(POLLS)

    def test_a_reload_resumes_and_shows_only_the_result(self):
        self.accept("reloaded")
        self.browser.driver.refresh()
        self.browser.until_title("Queued")
        self.assertEqual(self.browser.text("history-list"), "reloaded lake.jpg")
        self.restore_optimizer()
        self.browser.until_title("Done")
        self.until_loaded("under")
        self.assertFalse(self.browser.shown("split"), "there is nothing to compare it with")
        self.assertTrue(self.browser.shown("download"))
        self.four_looks("7-resumed")

    def test_a_link_resumes_in_another_window(self):
        key = self.accept("shared")
        self.restore_optimizer()
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.url}#{key}")
        self.browser.until_title("Done")
        self.until_loaded("under")

    def test_an_earlier_picture_is_opened_from_the_list(self):
        for text in ("first", "second"):
            self.send(self.small, text)
            self.browser.until_title("Done")
        key = self.browser.js("return location.hash.slice(1)")
        self.browser.driver.find_element("link text", "first").click()
        self.browser.until("another one is shown", lambda: self.browser.js("return location.hash.slice(1)") != key)
        self.browser.until_title("Done")
        self.browser.driver.back()
        self.browser.until("the second one again", lambda: self.browser.js("return location.hash.slice(1)") == key)
        self.browser.until_title("Done")
        self.until_loaded("over")

    def test_an_unknown_key_is_an_error(self):
        self.expected_lines = ("status of 404",)
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.url}#{'0' * 64}")
        self.browser.until_title("Picture not found")
        self.assertFalse(self.browser.shown("retry"))
        self.browser.shoot(SCREENSHOTS / "error-no-such-picture.png")

    def test_a_fragment_that_is_not_a_key_is_ignored(self):
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.url}#nonsense")
        self.browser.until("the page is there", lambda: self.browser.shown("demo"))
        self.assertFalse(self.browser.shown("status"))
        self.assertEqual(self.polls(), 0)

    def test_a_hidden_page_does_not_poll_and_resumes_when_visible(self):
        key = self.accept("hidden")
        driver = self.browser.driver
        hidden = driver.current_window_handle
        self.browser.until("it asks", lambda: self.polls() > 0)
        driver.minimize_window()
        self.browser.until("it is hidden", lambda: self.browser.js("return document.hidden"))
        before = self.polls()
        # A visible page is the clock: while it polls several times, the hidden one does not poll.
        driver.switch_to.new_window("window")
        driver.get(f"{self.url}#{key}")
        self.browser.until("the visible page has polled several times", lambda: self.polls() >= 3)
        driver.close()
        driver.switch_to.window(hidden)
        self.assertTrue(self.browser.js("return document.hidden"))
        self.assertLessEqual(self.polls(), before + 1, "one request may have been pending")
        self.restore_optimizer()
        driver.set_window_rect(0, 0, *WIDE)
        self.browser.until_title("Done")
        self.browser.resize(WIDE)

    def test_a_lost_connection_does_not_end_the_polling(self):
        self.accept("offline")
        self.expected_lines = ("ERR_INTERNET_DISCONNECTED",)
        self.browser.offline(True)
        self.browser.until_title("No connection")
        self.assertIn("Your picture is saved", self.browser.text("status-text"))
        self.browser.shoot(SCREENSHOTS / "error-offline-while-kept.png")
        self.restore_optimizer()
        self.browser.offline(False)
        self.browser.until_title("Done")

    def test_the_page_polls_no_more_often_than_retry_after(self):
        key = self.accept("patient")
        response = http("GET", f"{self.stack.urls['api']}/status/{key}")
        self.assertEqual(response.status, 200)
        retry_after_ms = int(response.headers["Retry-After"]) * 1000
        self.browser.until("it has asked three times", lambda: self.polls() >= 3)
        starts = self.browser.js("return performance.getEntriesByType('resource')"
                                 ".filter((entry) => entry.name.includes('/status/')).map((entry) => entry.startTime)")
        gaps = [later - earlier for earlier, later in zip(starts, starts[1:])]
        self.assertGreaterEqual(min(gaps), min(retry_after_ms, 1000) - 50, f"{gaps} with Retry-After {retry_after_ms} ms")

    def test_new_picture_clears_the_page(self):
        self.send(self.small, "over")
        self.browser.until_title("Done")
        self.browser.find("restart").click()
        self.assertTrue(self.browser.shown("drop"))
        self.assertFalse(self.browser.shown("status"))
        self.assertTrue(re.fullmatch(re.escape(self.url), self.browser.driver.current_url))
        self.browser.find("send").click()
        self.assertEqual(self.browser.text("complaint"), "Choose a picture first.")


if __name__ == "__main__":
    unittest.main(verbosity=2)
