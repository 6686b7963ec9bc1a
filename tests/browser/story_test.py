"""The main story, with the real programs: a photograph is watermarked; the switch on the page breaks the optimizer and an
upload is queued; the optimizer recovers, and the picture arrives without any input on the page."""
import unittest

from page_case import PageCase, http

# Compares the shown result with the picture of the service, and with the shown original.
SAME_PIXELS = """
  const pixels = async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), {width: image.width, height: image.height});
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    return new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer);
  };
  const shown = await pixels(document.getElementById('under').src);
  const same = async (url) => {
    const other = await pixels(url);
    return other.length === shown.length && shown.every((value, index) => value === other[index]);
  };
  return [await same(given[0]), await same(document.getElementById('over').src)];
"""


class Story(PageCase):
    def test_a_picture_that_was_queued_in_an_outage_arrives_by_itself(self):
        browser = self.browser
        self.assertTrue(2e6 < self.photo.stat().st_size < 3e6, self.photo.stat().st_size)
        self.four_looks("1-empty")

        self.choose(self.photo)
        self.write("© Ada Lovelace")
        self.until_loaded("under")
        self.four_looks("2-chosen")

        browser.throttle(120_000)
        browser.find("send").click()
        seen = set()
        browser.until("progress is seen on its way", lambda: seen.add(self.progress()) or
                      len({part for part in seen if 0 < part < 1}) >= 2)
        self.four_looks("3-sending")
        self.assertEqual(browser.text("status-title"), "Sending")
        browser.throttle(-1)
        browser.until_title("Done")
        self.until_loaded("over")
        self.four_looks("4-done")
        self.assert_shows_the_services_own_picture()

        browser.find("break").click()
        browser.until("the switch is on", lambda: browser.find("break").get_attribute("aria-checked") == "true")
        self.write("© Grace Hopper")
        browser.find("send").click()
        browser.until_title("Queued")
        self.assertEqual(browser.text("status-text"),
                         "The optimizer is unavailable. Your picture is saved and will be processed automatically.")
        browser.until("the breaker's state is told", lambda: browser.text("breaker") in (
            "Breaker: open because several requests in a row failed.", "Breaker: open because the probe failed."))
        self.four_looks("5-accepted")
        browser.until("a failed attempt is told", lambda: browser.text("attempts").startswith("Tried "))

        # By another program: from here on there is no input on the page.
        http("POST", self.stack.urls["api"] + "/demo/fault", b'{"mode":"none"}', {"Content-Type": "application/json"})
        browser.until_title("Done")
        self.until_loaded("over")
        self.assert_shows_the_services_own_picture()
        browser.until("the page tells of the closed breaker", lambda: "closed" in browser.text("breaker"))
        browser.until("the switch is off", lambda: browser.find("break").get_attribute("aria-checked") == "false")
        self.four_looks("6-arrived")

    def progress(self):
        return self.browser.js("const bar = document.getElementById('bar'); return bar.checkVisibility() ? bar.value : 0")

    def assert_shows_the_services_own_picture(self):
        key = self.browser.js("return location.hash.slice(1)")
        made = http("GET", f"{self.stack.urls['api']}/images/{key}")
        self.assertEqual(made.status, 200)
        self.assertNotEqual(made.body, self.photo.read_bytes())
        self.assertEqual(self.browser.run_async(SAME_PIXELS, f"/images/{key}"), [True, False],
                         "the picture is the service's, and not the one that was sent")
        download = self.browser.find("download")
        self.assertEqual(download.get_attribute("href"), self.browser.find("under").get_attribute("src"))
        self.assertEqual(download.get_attribute("download"), "watermarked evening.jpg")


if __name__ == "__main__":
    unittest.main(verbosity=2)
