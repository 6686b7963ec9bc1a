"""Choosing and sending a picture: dropped, pasted, with the keyboard, cancelled, and without a connection."""
import unittest

from browser import ActionChains, Keys
from page_case import SCREENSHOTS, PageCase, eventually, http

GONE = r'watermark_api_upload\w*_count\{[^}]*outcome="client_closed"[^}]*\}'


class Upload(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.small = cls.make_photo("small.jpg", 900, 600, 11, 0.9)

    def drag(self, kind, path):
        box = self.browser.js("const box = document.getElementById('stage').getBoundingClientRect(); return [box.x, box.y]")
        self.browser.cdp("Input.dispatchDragEvent", type=kind, x=box[0] + 80, y=box[1] + 80,
                         data={"items": [], "files": [str(path)], "dragOperationsMask": 1})

    def test_a_picture_is_dropped_onto_the_page(self):
        self.drag("dragEnter", self.small)
        self.drag("dragOver", self.small)
        self.browser.until("the page shows that it would take it", lambda: self.browser.shown("dropping"))
        self.browser.shoot(SCREENSHOTS / "dropping.png")
        self.drag("drop", self.small)
        self.until_loaded("under")
        self.assertFalse(self.browser.shown("dropping"))
        self.assertIn("small.jpg", self.browser.text("picked-name"))
        self.write("dropped")
        self.browser.find("send").click()
        self.browser.until_title("Done")

    def test_a_drag_that_leaves_the_page_has_no_effect(self):
        self.drag("dragEnter", self.small)
        self.drag("dragOver", self.small)
        self.browser.until("the page shows that it would take it", lambda: self.browser.shown("dropping"))
        # The browser's protocol has no such end of a drag, so the test sends this event itself.
        self.browser.js("const data = new DataTransfer(); data.items.add(new File(['x'], 'x.png', {type: 'image/png'}));"
                        "document.body.dispatchEvent(new DragEvent('dragleave', {dataTransfer: data, bubbles: true}))")
        self.browser.until("it no longer does", lambda: not self.browser.shown("dropping"))
        self.assertTrue(self.browser.shown("drop"))

    def test_a_picture_is_pasted(self):
        self.browser.cdp("Browser.grantPermissions", origin=self.url, permissions=[
            "clipboardReadWrite", "clipboardSanitizedWrite"])
        copied = self.browser.run_async(
            "const canvas = Object.assign(document.createElement('canvas'), {width: 400, height: 300});"
            "const pen = canvas.getContext('2d'); pen.fillStyle = '#375'; pen.fillRect(0, 0, 400, 300);"
            "const png = await new Promise((done) => canvas.toBlob(done, 'image/png'));"
            "await navigator.clipboard.write([new ClipboardItem({'image/png': png})]); return 'copied'")
        self.assertEqual(copied, "copied")
        ActionChains(self.browser.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
        self.until_loaded("under")
        self.assertIn(".png", self.browser.text("picked-name"))
        self.write("pasted")
        self.browser.find("send").click()
        self.browser.until_title("Done")

    def test_text_from_the_clipboard_goes_into_the_text_field(self):
        field = self.browser.find("text")
        field.send_keys("Ada", Keys.CONTROL, "ax")  # everything, cut
        self.assertEqual(field.get_attribute("value"), "")
        field.send_keys(Keys.CONTROL, "v")
        self.browser.until("the text is there", lambda: field.get_attribute("value") == "Ada")
        self.assertTrue(self.browser.shown("drop"), "no picture came of it")

    def test_the_page_can_be_used_with_the_keyboard(self):
        self.browser.js("document.body.tabIndex = -1; document.body.focus()")
        order = []
        for _ in range(4):
            self.press(Keys.TAB)
            order.append(self.focused())
        self.assertEqual(order, ["image", "text", "bottom-right", "send"])
        self.browser.find("image").send_keys(str(self.small))  # the file dialog has no keyboard here
        self.until_loaded("under")

        self.browser.js("document.getElementById('text').focus()")
        self.press("by keyboard")
        self.press(Keys.TAB)
        self.press(Keys.ARROW_UP)
        self.assertEqual(self.focused(), "bottom-left")
        self.press(Keys.ARROW_UP)
        self.assertEqual(self.browser.text("spot-name"), "centre")
        self.assertEqual(self.browser.js("return document.getElementById('marks').dataset.position"), "center")
        self.press(Keys.TAB)
        self.press(Keys.ENTER)
        self.browser.until_title("Done")
        self.until_loaded("over")

        self.browser.js("document.body.focus()")
        self.press(Keys.TAB)
        self.assertEqual(self.focused(), "split")
        self.press(Keys.HOME)
        self.assertEqual(self.split(), "0%")
        self.press(Keys.ARROW_RIGHT)
        self.press(Keys.ARROW_RIGHT)
        self.assertEqual(self.split(), "2%")
        self.assertEqual(self.browser.find("split").get_attribute("aria-valuetext"),
                         "2 % original, 98 % watermarked")
        self.press(Keys.END)
        self.assertEqual(self.split(), "100%")
        self.browser.shoot(SCREENSHOTS / "slider-focused.png")

    def test_the_slider_follows_a_finger(self):
        self.send(self.small, "touched")
        self.browser.until_title("Done")
        self.until_loaded("over")
        box = self.browser.js("const box = document.getElementById('frame').getBoundingClientRect();"
                              "return [box.x, box.y, box.width, box.height]")
        x, y = box[0], box[1] + box[3] / 2
        self.browser.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x + box[2] * 0.5, "y": y}])
        self.browser.cdp("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x + box[2] * 0.8, "y": y}])
        self.browser.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.browser.until("the line is where the finger was", lambda: 70 <= float(self.split().rstrip("%")) <= 90)

    def press(self, keys):
        ActionChains(self.browser.driver).send_keys(keys).perform()

    def focused(self):
        return self.browser.js("const at = document.activeElement; return at.id || at.value")

    def split(self):
        return self.browser.js("return document.getElementById('frame').style.getPropertyValue('--split')")

    def test_a_cancelled_upload_leaves_nothing(self):
        before = self.left_behind()
        gone = self.api_metric(GONE)
        self.browser.throttle(200_000)
        self.send(self.photo, "never")
        self.browser.until("nearly half of it is on its way", lambda: self.browser.js(
            "return document.getElementById('bar').value") > 0.4)
        self.browser.find("cancel").click()
        self.browser.until_title("Cancelled")
        self.browser.throttle(-1)
        eventually("the service has seen it go", lambda: self.api_metric(GONE) == gone + 1)
        self.assertEqual(self.left_behind(), before)
        self.assertEqual(self.api_metric("watermark_api_flights"), 0)
        self.assertEqual(self.api_metric("watermark_api_picture_bytes"), 0)
        self.assertEqual(self.browser.js("return location.hash"), "")
        self.until_loaded("under")  # still selected
        self.browser.find("send").click()
        self.browser.until_title("Done")

    def left_behind(self):
        files = sorted(path.name for path in (self.folder / "api").rglob("*") if path.is_file())
        calls = self.stack.metric('tidegate_http_requests_total{route="optimize"') or 0
        return files, calls

    def test_without_a_connection_the_upload_can_be_retried(self):
        self.expected_lines = ("ERR_INTERNET_DISCONNECTED",)
        self.browser.offline(True)
        self.send(self.small, "offline")
        self.browser.until_title("No connection")
        self.assertEqual(self.browser.find("retry").text, "Try again")
        self.browser.offline(False)
        self.browser.find("retry").click()
        self.browser.until_title("Done")

    def test_a_picture_that_was_processed_before_is_a_hit(self):
        for text in ("Your picture is ready.", "Your picture is ready. It was processed before."):
            self.send(self.small, "twice")
            self.browser.until_title("Done")
            self.assertEqual(self.browser.text("status-text"), text)

    def test_the_service_gets_what_the_page_shows(self):
        self.choose(self.small)
        self.write("  Ünïcödé 水印 🌊 ")
        self.browser.js("document.querySelector('input[value=tiled]').click()")
        self.browser.find("send").click()
        self.browser.until_title("Done")
        made = http("POST", self.stack.urls["optimizer"] + "/optimize?position=tiled&text=%C3%9Cn%C3%AFc%C3%B6d%C3%A9%20"
                    "%E6%B0%B4%E5%8D%B0%20%F0%9F%8C%8A", self.small.read_bytes(), {"Content-Type": "image/jpeg"})
        key = self.browser.js("return location.hash.slice(1)")
        self.assertEqual(http("GET", f"{self.stack.urls['api']}/images/{key}").body, made.body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
