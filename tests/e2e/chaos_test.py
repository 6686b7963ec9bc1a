"""Short campaigns of tests/chaos: every 202 is kept while Tidegate, its upstream, its broker and its disk fail."""
import os
import subprocess
import sys
import unittest

from programs import BIN, ROOT


class Chaos(unittest.TestCase):
    def campaign(self, *options):
        done = subprocess.run([sys.executable, "-B", ROOT / "tests/chaos/chaos.py", "--tidegate", BIN / "tidegate",
                               "--seed", "20261124", "--clients", "12", *options], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("every promise was kept", done.stdout)
        print(done.stdout)

    def test_every_promise_is_kept_by_sqlite_over_kills(self):
        self.campaign("--kills", "20", "--minutes", "0.3")

    @unittest.skipUnless(os.geteuid() == 0, "a disk of its own takes root")
    def test_every_promise_is_kept_on_a_disk_that_is_full_now_and_then(self):
        self.campaign("--kills", "6", "--minutes", "0.2", "--disk-mib", "160")


if __name__ == "__main__":
    unittest.main(verbosity=2)
