"""The three programs under load while Tidegate is killed or stopped: accepted jobs are kept, responses are complete."""
import http.client
import random
import signal
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from photo import make_png
from programs import Stack, eventually, http as ask, in_flight, upload


class Whole(unittest.TestCase):
    """The three programs together, without a rate limit."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-cli-")
        self.addCleanup(folder.cleanup)
        self.stack = Stack(folder.name, [("rate: 10/s", "rate: 100000/s"), ("burst: 20", "burst: 100000")])
        self.addCleanup(self.stack.stop)
        self.stack.start()
        self.png = make_png(64, 48)

    def job(self, job_id):
        return ask("GET", f"{self.stack.urls['proxy']}/_jobs/{job_id}")

    def test_an_invalid_image_is_415_and_an_unknown_path_404(self):
        answer = upload(self.stack.urls["api"], b"<html>not an image</html>" * 100, "x")
        self.assertEqual(answer.status, 415, answer.body)
        self.assertEqual(ask("GET", self.stack.urls["api"] + "/nowhere").status, 404)
        self.assertEqual(upload(self.stack.urls["api"], self.png, "x").status, 200)

    def test_kill_9_loses_no_accepted_job(self):
        self.stack.optimizer.kill()
        chance = random.Random(20261124)
        promised = {}
        for life in range(5):
            fatal = chance.randrange(20, 160)  # the response after which the process is killed, with the rest in flight
            lock, killed = threading.Lock(), threading.Event()

            def one(i):
                try:
                    answer = upload(self.stack.urls["api"], self.png, f"life {life} number {i}")
                except (OSError, http.client.HTTPException):
                    return None
                if answer.status == 202:
                    with lock:
                        promised[answer.json()["job_id"]] = (life, i)
                        if not killed.is_set() and sum(1 for at, _ in promised.values() if at == life) >= fatal:
                            killed.set()
                            self.stack.tidegate.process.kill()
                return answer.status

            with ThreadPoolExecutor(16) as pool:
                statuses = list(pool.map(one, range(200)))
            self.assertTrue(killed.is_set(), statuses)
            self.stack.tidegate.process.wait(timeout=60)
            made = sum(1 for at, _ in promised.values() if at == life)
            self.assertEqual(made, statuses.count(202))
            self.assertGreaterEqual(made, fatal)
            self.assertLess(made, 200, "the kill came too late to interrupt anything")
            self.stack.tidegate.start()
            for job_id, what in promised.items():
                job = self.job(job_id)
                self.assertEqual(job.status, 200, f"{what} was accepted and is lost")
                self.assertIn(job.json()["status"], ("queued", "running", "retrying"))
        print(f"{len(promised)} promises over five kills, all kept")

    def test_sigterm_under_load_responds_to_every_accepted_request(self):
        host, port = "127.0.0.1", int(self.stack.urls["proxy"].rsplit(":", 1)[1])
        fault = ask("POST", self.stack.urls["optimizer"] + "/fault?mode=slow&ms=300")
        self.assertEqual(fault.status, 200, fault.body)
        stop, lock = threading.Event(), threading.Lock()
        statuses, promised, cut, unanswered = [], [], [], []

        def client(number):
            """One request after the other, each on a connection of its own, until nobody listens."""
            while not stop.is_set():
                connection = http.client.HTTPConnection(host, port, timeout=60)
                try:
                    connection.connect()
                except OSError:
                    return
                try:
                    connection.request("POST", f"/optimize?text=c{number}", self.png, {"Content-Type": "image/png"})
                    answer = connection.getresponse()
                except (OSError, http.client.HTTPException) as error:
                    with lock:
                        unanswered.append(repr(error))
                    return
                try:
                    body = answer.read()
                except (OSError, http.client.HTTPException) as error:
                    with lock:
                        cut.append(repr(error))
                    return
                finally:
                    connection.close()
                with lock:
                    statuses.append(answer.status)
                    if answer.status == 202:
                        promised.append(answer.getheader("Location"))
                    elif answer.status == 200 and not body:
                        cut.append("an empty image")

        clients = [threading.Thread(target=client, args=[i]) for i in range(40)]
        for thread in clients:
            thread.start()
        eventually("many have been answered, many are in flight",
                   lambda: len(statuses) >= 60 and in_flight(self.stack.urls["admin"]) == len(clients))
        with lock:
            before = len(statuses)
        code = self.stack.tidegate.kill(signal.SIGTERM)
        stop.set()
        for thread in clients:
            thread.join(timeout=60)
        print(f"{before} answers before SIGTERM, {len(statuses) - before} after; {len(unanswered)} not accepted")
        self.assertEqual(code, 0, self.stack.tidegate.text()[-2000:])
        self.assertEqual(cut, [])
        # All clients were in flight. At most the ten that got a response just then can have reconnected to the closing
        # listener without being accepted.
        self.assertLessEqual(len(unanswered), 10)
        self.assertGreaterEqual(len(statuses) - before, len(clients) - 10)
        self.assertLessEqual(set(statuses), {200, 202})
        self.assertNotIn("client_closed", self.stack.tidegate.text())
        self.stack.tidegate.start()
        for location in promised:
            self.assertEqual(ask("GET", self.stack.urls["proxy"] + location).status, 200, f"{location} is lost")


class CutOff(unittest.TestCase):
    """A grace that is too short for what runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-cut-")
        self.addCleanup(folder.cleanup)
        self.stack = Stack(folder.name, [("shutdown_grace: 30s", "shutdown_grace: 1s"),
                                         ("max_attempts: 5", "max_attempts: 2")])
        self.addCleanup(self.stack.stop)
        self.stack.start()

    def job(self, job_id):
        return ask("GET", f"{self.stack.urls['proxy']}/_jobs/{job_id}").json()

    def fault(self, mode):
        self.assertEqual(ask("POST", f"{self.stack.urls['optimizer']}/fault?mode={mode}").status, 200)

    def test_restarts_that_cut_a_job_off_cost_it_no_attempt_and_no_client_is_blamed(self):
        picture = make_png(64, 48)
        optimize = self.stack.urls["proxy"] + "/optimize?text=x"
        self.fault("hang")
        answer = ask("POST", optimize, picture, {"Prefer": "respond-async"})
        self.assertEqual(answer.status, 202, answer.body)
        job_id = answer.json()["job_id"]
        for restart in range(3):
            eventually("the job runs", lambda: self.job(job_id)["status"] == "running")
            failures = []

            def live():
                try:
                    failures.append(ask("POST", optimize, picture).status)
                except (OSError, http.client.HTTPException) as error:
                    failures.append(error)

            client = threading.Thread(target=live)
            client.start()
            eventually("a request is in flight", lambda: in_flight(self.stack.urls["admin"]) == 1)
            self.assertEqual(self.stack.tidegate.stop(), 0)
            client.join(timeout=60)
            self.assertIsInstance(failures[0], Exception)
            self.stack.tidegate.start()
        text = self.stack.tidegate.text()
        self.assertEqual(text.count('"outcome":"draining"'), 3, text[-3000:])
        self.assertNotIn("client_closed", text)
        self.fault("none")
        eventually("the job has succeeded", lambda: self.job(job_id)["status"] == "succeeded")
        self.assertGreaterEqual(self.job(job_id)["deferrals"], 3)
        self.assertEqual(self.job(job_id)["attempt"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
