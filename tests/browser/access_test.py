"""Accessibility of the page: names for every control, contrast in both schemes, the layout at every width; and its
content security policy."""
import pathlib
import unittest

from page_case import NARROW, WIDE, PageCase

AUDIT_JS = (pathlib.Path(__file__).parent / "audit.js").read_text()
NAMED = {"button", "link", "textbox", "radio", "slider", "switch", "combobox", "progressbar", "image", "radiogroup",
         "heading", "region", "figure"}
# 720 and 320 pixels are 1440 and 640 at a zoom of 200 %.
SIZES = [WIDE, (720, 450), NARROW, (320, 640)]


class Access(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.small = cls.make_photo("a-rather-long-name-of-a-picture-that-a-camera-might-give-0001.jpg", 900, 600, 9, 0.9)

    def audit(self, state):
        for scheme in ("light", "dark"):
            self.browser.scheme(scheme)
            for size in SIZES:
                self.browser.resize(size)
                with self.subTest(state=state, scheme=scheme, width=size[0]):
                    self.assertEqual(self.browser.run_async(AUDIT_JS), [])
        self.browser.resize(WIDE)
        self.browser.scheme("light")
        # The tree is updated asynchronously.
        self.browser.until(f"every control has a name ({state})", lambda: self.nameless() == [])

    def nameless(self):
        """The controls without a name in the accessibility tree of the browser."""
        nodes = [node for node in self.browser.cdp("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
        named = [node for node in nodes if node["role"]["value"] in NAMED]
        self.assertGreater(len(named), 8)
        self.assertIn("Position", [node["name"]["value"] for node in nodes if node["role"]["value"] == "group" or
                                   node["role"]["value"] == "radiogroup"])
        return [node["role"]["value"] for node in named
                if node["role"]["value"] not in ("figure",) and not node.get("name", {}).get("value")]

    def test_every_state_has_names_contrast_and_a_fitting_layout(self):
        self.browser.until("the demonstration is there", lambda: self.browser.shown("demo"))
        self.audit("empty")
        self.browser.find("send").click()
        self.audit("complaint")

        self.choose(self.small)
        self.write("© Ada Lovelace, " + "long " * 20)
        self.until_loaded("under")
        self.audit("chosen")

        self.browser.throttle(20_000)
        self.browser.find("send").click()
        self.browser.until_title("Sending")
        self.audit("sending")
        self.browser.throttle(-1)
        self.browser.until_title("Done")
        self.until_loaded("over")
        self.audit("done")

        self.break_optimizer()
        self.write("kept")
        self.browser.find("send").click()
        self.browser.until_title("Queued")
        self.browser.until("the breaker has opened", lambda: "open" in self.browser.text("breaker"))
        self.audit("accepted")
        self.restore_optimizer()
        self.browser.until_title("Done")

        self.expected_lines = ("ERR_INTERNET_DISCONNECTED",)
        self.browser.offline(True)
        self.write("failed")
        self.browser.find("send").click()
        self.browser.until_title("No connection")
        self.audit("failed")
        self.browser.offline(False)

    def test_a_result_is_announced_to_screen_readers_once(self):
        live = self.browser.find("live")
        self.assertEqual((live.get_attribute("role"), live.get_attribute("aria-live")), ("status", "polite"))
        self.send(self.small, "spoken")
        self.browser.until("the end is spoken", lambda: self.browser.text("live") == "Done. Your picture is ready.")

    def test_reduced_motion_is_respected(self):
        for wanted, moving in (("reduce", "none"), ("no-preference", "breathe")):
            self.browser.cdp("Emulation.setEmulatedMedia",
                             features=[{"name": "prefers-reduced-motion", "value": wanted}])
            self.browser.throttle(20_000)
            self.send(self.small, wanted)
            self.browser.until_title("Sending")
            self.assertEqual(self.browser.js("return getComputedStyle(document.querySelector('.steps .now'), '::before')"
                                             ".animationName"), moving)
            self.browser.throttle(-1)
            self.browser.until_title("Done")

    def test_the_schemes_differ(self):
        backs = set()
        for scheme in ("light", "dark"):
            self.browser.scheme(scheme)
            backs.add(self.browser.js("return getComputedStyle(document.documentElement).backgroundColor"))
        self.assertEqual(len(backs), 2)

    def test_the_policy_blocks_foreign_content(self):
        self.expected_lines = ("",)  # this test causes them
        self.browser.js("""
            window.violated = [];
            document.addEventListener('securitypolicyviolation', (event) => violated.push(event.effectiveDirective));
            const script = document.createElement('script');
            try { script.textContent = 'window.ran = true'; document.body.append(script); } catch {}
            try { document.body.innerHTML = '<img src=x onerror="window.ran = true">'; } catch {}
            const style = document.createElement('style');
            style.textContent = 'body { color: red }';
            document.body.append(style);
            fetch('http://127.0.0.1:9/').catch(() => {});""")
        refused = {"connect-src", "require-trusted-types-for", "style-src-elem"}
        self.browser.until("all of it is refused", lambda: refused <= set(self.browser.js("return violated")))
        self.assertFalse(self.browser.js("return window.ran"), "no foreign script ran")
        self.assertTrue(self.browser.shown("form"), "the page is as it was")


if __name__ == "__main__":
    unittest.main(verbosity=2)
