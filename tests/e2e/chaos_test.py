"""Short campaigns of tests/chaos: every 202 is kept while Tidegate, its upstream, its broker and its disk fail."""
import os
import subprocess
import sys
import unittest

from programs import BIN, ROOT
from servers import RabbitMQ, Redis

sys.path.append(str(ROOT / "tests/chaos"))
import drain  # noqa: E402


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


class Drain(unittest.TestCase):
    """When a campaign says that the queue does not drain."""

    def hangs_after_s(self, ticks):
        """`ticks`: (jobs that wait, runs so far) of each second. None: it never hangs."""
        progress = drain.Progress(0)
        for now, (left, runs) in enumerate(ticks):
            progress.note(left, runs, now)
            if progress.hangs(now):
                return now
        return None

    def test_many_poisonous_jobs_that_run_one_a_second_in_turn_drain(self):
        jobs, attempts = 41, 6
        before_the_last_round = jobs * (attempts - 1)
        ticks = [(jobs - max(0, now - before_the_last_round), now) for now in range(jobs * attempts + 1)]
        self.assertIsNone(self.hangs_after_s(ticks))

    def test_jobs_that_wait_and_are_never_run_hang(self):
        self.assertEqual(self.hangs_after_s([(41, 7)] * 600), drain.HANGS_S + 1)

    def test_jobs_that_end_are_progress_without_a_run(self):
        self.assertIsNone(self.hangs_after_s([(41 - now // 100, 0) for now in range(4000)]))

    def test_jobs_that_are_run_for_ever_hang(self):
        self.assertIsNotNone(self.hangs_after_s([(3, now) for now in range(600)]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
