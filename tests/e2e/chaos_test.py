"""Short campaigns of tests/chaos: every 202 is kept while Tidegate, its upstream, its broker and its disk fail."""
import os
import subprocess
import sys
import unittest

from programs import BIN, ROOT
from servers import RabbitMQ, Redis


class Chaos(unittest.TestCase):
    def campaign(self, *options):
        done = subprocess.run([sys.executable, "-B", ROOT / "tests/chaos/chaos.py", "--tidegate", BIN / "tidegate",
                               "--seed", "20261124", "--clients", "12", *options], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("every promise was kept", done.stdout)
        print(done.stdout)

    def test_every_promise_is_kept_by_sqlite_over_kills(self):
        self.campaign("--kills", "15", "--minutes", "0.2")

    @unittest.skipUnless(os.geteuid() == 0, "a disk of its own takes root")
    def test_every_promise_is_kept_on_a_disk_that_is_full_now_and_then(self):
        self.campaign("--kills", "6", "--minutes", "0.2", "--disk-mib", "160")

    @unittest.skipUnless(Redis.is_here(), "no Redis is installed")
    def test_every_promise_is_kept_by_redis_over_kills_and_outages(self):
        self.campaign("--backend", "redis", "--kills", "8", "--minutes", "0.2")

    @unittest.skipUnless(RabbitMQ.is_here(), "no RabbitMQ is installed")
    def test_every_promise_is_kept_by_rabbitmq_over_kills_and_outages(self):
        self.campaign("--backend", "amqp", "--kills", "6", "--minutes", "0.2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
