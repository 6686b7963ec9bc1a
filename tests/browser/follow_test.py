"""Following an accepted picture: after a reload, from a link, hidden, and through a lost connection."""
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
        """An upload that was accepted; the optimizer is broken now."""
        self.break_optimizer()
        self.send(self.small, text)
        self.browser.until_title("Accepted")
        key = self.browser.js("return location.hash.slice(1)")
        self.assertRegex(key, "^[0-9a-f]{64}$")
        return key

    def polls(self):
        return self.browser.js(POLLS)

    def test_a_reload_goes_on_and_shows_the_result_alone(self):
        self.accept("reloaded")
        self.browser.driver.refresh()
        self.browser.until_title("Accepted")
        self.assertEqual(self.browser.text("history-list"), "reloaded lake.jpg")
        self.heal()
        self.browser.until_title("Done")
        self.until_loaded("under")
        self.assertFalse(self.browser.shown("split"), "there is nothing to compare it with")
        self.assertTrue(self.browser.shown("download"))
        self.four_looks("7-resumed")

    def test_a_link_goes_on_in_another_browser_window(self):
        key = self.accept("shared")
        self.heal()
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.url}#{key}")
        self.browser.until_title("Done")
        self.until_loaded("under")

    def test_an_earlier_picture_is_reached_from_the_list(self):
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

    def test_what_no_one_has_sent_is_told_in_words(self):
        self.expected_lines = ("status of 404",)
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.url}#{'0' * 64}")
        self.browser.until_title("There is no such picture")
        self.assertFalse(self.browser.shown("retry"))
        self.browser.shoot(SCREENSHOTS / "error-no-such-picture.png")

    def test_a_fragment_that_is_no_key_is_left_alone(self):
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.url}#nonsense")
        self.browser.until("the page is there", lambda: self.browser.shown("demo"))
        self.assertFalse(self.browser.shown("status"))
        self.assertEqual(self.polls(), 0)

    def test_a_hidden_page_asks_nothing_and_goes_on_when_it_is_seen(self):
        key = self.accept("hidden")
        driver = self.browser.driver
        hidden = driver.current_window_handle
        self.browser.until("it asks", lambda: self.polls() > 0)
        driver.minimize_window()
        self.browser.until("it is hidden", lambda: self.browser.js("return document.hidden"))
        before = self.polls()
        # A page that is seen is the clock: while it asks several times, the hidden one asks not once.
        driver.switch_to.new_window("window")
        driver.get(f"{self.url}#{key}")
        self.browser.until("the page that is seen has asked several times", lambda: self.polls() >= 3)
        driver.close()
        driver.switch_to.window(hidden)
        self.assertTrue(self.browser.js("return document.hidden"))
        self.assertLessEqual(self.polls(), before + 1, "one may have been on its way")
        self.heal()
        driver.set_window_rect(0, 0, *WIDE)
        self.browser.until_title("Done")
        self.browser.resize(WIDE)

    def test_a_lost_connection_ends_nothing(self):
        self.accept("offline")
        self.expected_lines = ("ERR_INTERNET_DISCONNECTED",)
        self.browser.offline(True)
        self.browser.until_title("No connection")
        self.assertIn("Your picture is safe", self.browser.text("status-text"))
        self.browser.shoot(SCREENSHOTS / "error-offline-while-kept.png")
        self.heal()
        self.browser.offline(False)
        self.browser.until_title("Done")

    def test_the_page_asks_no_more_often_than_it_is_told(self):
        key = self.accept("patient")
        answer = http("GET", f"{self.stack.urls['api']}/status/{key}")
        self.assertEqual(answer.status, 200)
        told_ms = int(answer.headers["Retry-After"]) * 1000
        self.browser.until("it has asked three times", lambda: self.polls() >= 3)
        starts = self.browser.js("return performance.getEntriesByType('resource')"
                                 ".filter((entry) => entry.name.includes('/status/')).map((entry) => entry.startTime)")
        gaps = [later - earlier for earlier, later in zip(starts, starts[1:])]
        self.assertGreaterEqual(min(gaps), min(told_ms, 1000) - 50, f"{gaps} with Retry-After {told_ms} ms")

    def test_another_picture_begins_from_an_empty_page(self):
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
