"""The main job, end to end, with the real programs: the optimizer dies, uploads are accepted with 202 and kept, Tidegate
itself is killed, everything comes back, and every upload ends in the image that a direct upload gives."""
import signal
import statistics
import tempfile
import time
import unittest

from photo import make_png
from programs import Stack, eventually, http, upload


class Outage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        # A shorter open_for than in production; nothing else is changed.
        cls.stack = Stack(cls.folder.name, [(r"open_for: 30s", "open_for: 4s")])
        cls.addClassCleanup(cls.stack.stop)  # also runs if a program does not start
        cls.stack.start()
        png = make_png(600, 400)
        made = http("POST", cls.stack.urls["optimizer"] + "/optimize?text=x&format=jpeg&quality=92", png,
                    {"Content-Type": "image/png"})
        assert made.status == 200, made.body[:300]
        cls.photo = made.body
        cls.keys = {}

    def expected(self, text):
        """What the optimizer itself makes of the photograph: the same bytes every time."""
        answer = http("POST", f"{self.stack.urls['optimizer']}/optimize?text={text}&position=bottom-right", self.photo,
                      {"Content-Type": "image/jpeg"})
        self.assertEqual(answer.status, 200)
        return answer.body

    def upload(self, text):
        return upload(self.stack.urls["api"], self.photo, text)

    def status(self, key):
        return http("GET", f"{self.stack.urls['api']}/status/{key}")

    def test_1_an_upload_is_watermarked(self):
        answer = self.upload("direct")
        self.assertEqual(answer.status, 200, answer.body[:300])
        self.assertEqual(answer.headers["X-Cache"], "MISS")
        self.assertEqual(answer.body, self.expected("direct"))
        self.assertNotEqual(answer.body, self.photo)
        self.assertEqual(self.upload("direct").headers["X-Cache"], "HIT")

    def test_2_uploads_are_accepted_while_the_optimizer_is_down(self):
        self.stack.optimizer.kill()
        took = []
        for i in range(12):
            answer = self.upload(f"outage{i}")
            self.assertEqual(answer.status, 202, answer.body[:300])
            job = answer.json()
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.keys[job["key"]] = (f"outage{i}", job["job_id"])
            took.append(answer.took_s)
        self.assertEqual(self.stack.breaker()["state"], "open")
        self.assertEqual(self.stack.breaker()["reason"], "consecutive_failures")
        open_ms = [t * 1000 for t in took[6:]]
        print(f"202 with the breaker open, ms: median {statistics.median(open_ms):.1f}, worst {max(open_ms):.1f}")
        self.assertLess(statistics.median(open_ms), 1000, "an open breaker answers without waiting for anything")

    def test_3_a_killed_tidegate_loses_no_job(self):
        self.stack.tidegate.kill(signal.SIGKILL)
        self.stack.tidegate.start()
        eventually("the breaker is restored", lambda: '"reason":"restored"' in self.stack.tidegate.text())
        for key, (_, job_id) in self.keys.items():
            job = http("GET", f"{self.stack.urls['proxy']}/_jobs/{job_id}")
            self.assertEqual(job.status, 200, f"job {job_id} of {key} is lost")
            self.assertIn(job.json()["status"], ("queued", "running", "retrying"))
            self.assertIn(self.status(key).json()["status"], ("queued", "processing", "retrying"))

    def test_4_every_job_finishes_when_the_optimizer_recovers(self):
        # It was open before the restart, and each job that probes keeps it so.
        eventually("the breaker is open again", lambda: self.stack.breaker()["state"] == "open")
        self.stack.optimizer.start()
        for key, (text, _) in self.keys.items():
            eventually(f"{text} is done", lambda: self.status(key).json()["status"] == "done")
            image = http("GET", f"{self.stack.urls['api']}/images/{key}")
            self.assertEqual(image.status, 200)
            self.assertEqual(image.body, self.expected(text), f"{text}: not the image of a direct upload")

    def test_5_log_and_metrics_show_the_transitions_of_the_breaker(self):
        eventually("the breaker is closed", lambda: self.stack.breaker()["state"] == "closed")
        eventually("its closing is logged", lambda: "probes_succeeded" in self.stack.tidegate.text())
        log = self.stack.tidegate.text()
        # JSON, because the log is not a terminal: one line per transition, with its reason.
        self.assertRegex(log, r'"event":"breaker_transition".*"from":"closed","to":"open","reason":"consecutive_failures"')
        self.assertRegex(log, r'"from":"open","to":"half_open","reason":"open_for_elapsed"')
        self.assertRegex(log, r'"from":"half_open","to":"closed","reason":"probes_succeeded"')
        closed = self.stack.metric('tidegate_breaker_state{breaker="optimizer",state="closed"}')
        self.assertEqual(closed, 1)
        closings = ('tidegate_breaker_transitions_total{breaker="optimizer",from="half_open",reason="probes_succeeded",'
                    'to="closed"}')
        names = http("GET", self.stack.urls["admin"] + "/metrics").body.decode()
        self.assertTrue(any(line.startswith("tidegate_breaker_transitions_total") and 'to="closed"' in line and
                            float(line.rsplit(" ", 1)[1]) >= 1 for line in names.splitlines()), closings)
        self.assertGreaterEqual(self.stack.metric('tidegate_queue_jobs_total{event="succeeded"') or 0, 1)

    def test_6_sigterm_stops_every_program_with_0(self):
        for program in (self.stack.api, self.stack.tidegate, self.stack.optimizer):
            self.assertEqual(program.stop(), 0, program.text()[-2000:])
            self.assertIn('"event":"stopped"', program.text())


if __name__ == "__main__":
    begun = time.monotonic()
    unittest.main(verbosity=2)
