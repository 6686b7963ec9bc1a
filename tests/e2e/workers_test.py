"""Four workers share breakers, bulkheads, limits and the queue: many clients at once while the optimizer fails, hangs and
recovers. Run under ThreadSanitizer by `make tsan`."""
import collections
import tempfile
import threading
import unittest

from photo import make_png
from programs import Stack, eventually, http

CLIENTS = 16
REQUESTS_EACH = 40
ANSWERS = {200, 202, 429, 502, 503, 504}


class Workers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.stack = Stack(cls.folder.name, [("\nworkers: 1", "\nworkers: 4"), (r"open_for: 30s", "open_for: 1s"),
                                            (r"rate: 10/s", "rate: 2000/s"), (r"burst: 20", "burst: 2000")])
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()
        cls.png = make_png(60, 40)

    def fault(self, mode):
        self.assertEqual(http("POST", f"{self.stack.urls['optimizer']}/fault?{mode}").status, 200)

    def client(self, number, answers, jobs):
        for i in range(REQUESTS_EACH):
            answer = http("POST", f"{self.stack.urls['proxy']}/optimize?text={number}-{i}", self.png,
                          {"Content-Type": "image/png", "X-Request-Timeout-Ms": "3000"})
            answers.append(answer.status)
            if answer.status == 202:
                jobs.append(answer.json()["job_id"])
            elif answer.status != 200:
                self.assertIn("reason", answer.json())

    def test_every_request_gets_a_response_and_every_accepted_job_ends(self):
        answers, jobs = [], []  # list.append is atomic
        threads = [threading.Thread(target=self.client, args=(n, answers, jobs)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for mode in ("mode=error&status=503", "mode=none", "mode=slow&ms=300", "mode=down", "mode=none"):
            eventually("some more are answered", lambda seen=len(answers): len(answers) > seen + 40 or
                       len(answers) == CLIENTS * REQUESTS_EACH)
            self.fault(mode)
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), CLIENTS * REQUESTS_EACH)
        self.assertLessEqual(set(answers), ANSWERS, collections.Counter(answers))
        self.assertIn(200, answers)
        self.assertTrue(jobs, "the outage was never felt")
        for job in jobs:
            eventually(f"job {job} ends", lambda: self.job(job) in ("succeeded", "dead"))
            self.assertEqual(self.job(job), "succeeded")
        self.assertEqual(self.stack.metric('tidegate_bulkhead_in_use{bulkhead="optimizer"}'), 0)
        self.assertEqual(self.stack.metric('tidegate_http_requests_in_flight{route="optimize"}'), 0)
        counted = sum(float(line.rsplit(" ", 1)[1])
                      for line in http("GET", self.stack.urls["admin"] + "/metrics").body.decode().splitlines()
                      if line.startswith("tidegate_http_requests_total") and 'route="optimize"' in line and
                      "would_" not in line)
        self.assertEqual(counted, CLIENTS * REQUESTS_EACH)

    def job(self, job):
        return http("GET", f"{self.stack.urls['proxy']}/_jobs/{job}").json()["status"]

    @classmethod
    def tearDownClass(cls):
        code = cls.stack.tidegate.stop()
        log = cls.stack.tidegate.text()
        assert code == 0 and "ThreadSanitizer" not in log, f"exit {code}:\n{log[-4000:]}"


if __name__ == "__main__":
    unittest.main(verbosity=2)
