"""/metrics of watermark-api, as promtool reads it."""
import shutil
import subprocess
import tempfile
import unittest

from photo import make_png
from programs import Stack, http, upload


class ApiMetrics(unittest.TestCase):
    def test_prometheus_finds_nothing_to_complain_of(self):
        if not shutil.which("promtool"):
            self.skipTest("skipped: no promtool (package prometheus)")
        with tempfile.TemporaryDirectory() as folder:
            stack = Stack(folder)
            self.addCleanup(stack.stop)
            stack.start()
            self.assertEqual(upload(stack.urls["api"], make_png(32, 24), "Tidegate").status, 200)
            metrics = http("GET", stack.urls["api"] + "/metrics").body
            stack.stop()
        done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        self.assertIn(b'watermark_api_upload_seconds_count{outcome="miss"} 1\n', metrics)


if __name__ == "__main__":
    unittest.main(verbosity=2)
