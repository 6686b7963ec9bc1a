#!/usr/bin/env python3
"""promtool reads what is shipped for Prometheus; each alert has a history in which it fires and one in which it must not."""
import re
import shutil
import subprocess
import unittest

import shipped


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@unittest.skipUnless(shutil.which("promtool"), "skipped: promtool is not installed (`make deps-all`)")
class Promtool(unittest.TestCase):
    def test_the_configuration_is_valid_and_finds_the_rules(self):
        code, text = promtool("check", "config", shipped.PROMETHEUS / "prometheus.yml")
        self.assertEqual(code, 0, text)
        self.assertIn(f"{len(shipped.RULES)} rule files found", text)

    def test_the_rules_are_valid(self):
        code, text = promtool("check", "rules", *shipped.RULES)
        self.assertEqual(code, 0, text)

    def test_the_alerts_fire_when_they_should_and_only_then(self):
        code, text = promtool("test", "rules", *shipped.FIXTURES)
        self.assertEqual(code, 0, text)

    def test_a_fixture_that_is_not_so_fails(self):
        """That promtool does look: an alert that is expected and does not come."""
        text = (shipped.PROMETHEUS / "tests/breakers.yml").read_text()
        wrong = shipped.ROOT / "build" / "wrong-fixture.yml"
        wrong.parent.mkdir(exist_ok=True)
        wrong.write_text(text.replace("../rules", str(shipped.PROMETHEUS / "rules")).replace("0x4 1x2 0 1x17", "0x24"))
        self.addCleanup(wrong.unlink)
        code, said = promtool("test", "rules", wrong)
        self.assertNotEqual(code, 0, said)


class Fixtures(unittest.TestCase):
    def test_every_alert_has_both_kinds(self):
        names = [name for file in shipped.FIXTURES for name in re.findall(r'name: "(.*)"', file.read_text())]
        self.assertGreaterEqual(len(shipped.alert_names()), 15)
        for alert in shipped.alert_names():
            self.assertTrue(any(name.startswith(f"{alert} fires ") for name in names), f"{alert} never fires in a fixture")
            self.assertTrue(any(name.startswith(f"{alert} does not fire ") for name in names),
                            f"{alert} has no fixture in which it must not fire")


if __name__ == "__main__":
    unittest.main()
