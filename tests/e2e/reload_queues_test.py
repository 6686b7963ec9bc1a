"""Queues that a reload adds and removes: what they hold open, and what refuses them."""
import contextlib
import fcntl
import os
import resource
import socket
import sqlite3
import subprocess
import threading
import unittest

from programs import BIN, eventually, free_port, http as request
from reloading import CONFIG, LISTENER, Reloading as Fixture
from servers import Redis
from slow_clients import connect, post

ROUTE = "      - {{name: later, match: {{path: /later}}, upstream: up, fallback: {{enqueue: {{queue: {}}}}}}}"


class ReloadQueues(Fixture):
    def add(self, url=None, name="more", more=""):
        self.write(queues=f'  {name}: {{url: "{url or self.own_url()}"{more}}}', routes=ROUTE.format(name))
        return self.reload()

    def remove(self):
        self.write(queues="", routes="")
        return self.reload()

    def own_url(self):
        return f"sqlite://{self.folder}/more.db"

    def open_files(self):
        folder = f"/proc/{self.program.process.pid}/fd"
        names = []
        for number in os.listdir(folder):
            try:
                names.append(os.readlink(f"{folder}/{number}"))
            except FileNotFoundError:
                pass
        return names

    @contextlib.contextmanager
    def at_most_open(self, more):
        """The process may open so many files, no more."""
        process = self.program.process.pid
        before = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (len(self.open_files()) + more, before[1]))
        try:
            yield
        finally:
            resource.prlimit(process, resource.RLIMIT_NOFILE, before)

    def await_closed(self, file="more.db"):
        eventually("its files are closed", lambda: not any(file in name for name in self.open_files()))

    def redis(self):
        if not Redis.is_here():
            self.skipTest("redis-server is not installed")
        server = Redis(self.folder / "redis")
        self.addCleanup(server.end)
        server.start()
        return server

    def spooled(self, server):
        """The queue `more` on it."""
        return f"redis://127.0.0.1:{server.port}", f', spool: "{self.folder}/spool.db"'

    def lose_upstream(self):
        self.upstreams[0].shutdown()
        self.upstreams[0].server_close()

    def logged(self, *words):
        lines = (self.folder / "tidegate.log").read_text().splitlines()
        return [line for line in lines if all(word in line for word in words)]

    def test_a_queue_that_is_removed_is_closed_and_comes_back_again_and_again(self):
        def number_of_threads():
            return len(os.listdir(f"/proc/{self.program.process.pid}/task"))

        for url, more, file in ((None, "", "more.db"), (*self.spooled(self.redis()), "spool.db")):
            with self.subTest(url=url):
                self.assertEqual(self.add(url, more=more)[0], 200)  # what the first one makes for good
                eventually("it is removed, as what it holds is known", lambda: self.remove()[0] == 200)
                self.await_closed(file)
                files, threads = len(self.open_files()), number_of_threads()
                for _ in range(50):
                    status, report = self.add(url, more=more)
                    self.assertEqual((status, report["needs_restart"]), (200, []))
                    eventually("it is removed", lambda: self.remove()[0] == 200)
                eventually("descriptors are as before", lambda: len(self.open_files()) <= files)
                eventually("threads are as before", lambda: number_of_threads() <= threads)
        self.assertIsNone(self.metric('tidegate_queue_bytes{queue="more"}'))

    def test_a_queue_that_is_removed_stays_open_for_a_request_that_began_before(self):
        self.assertEqual(self.add()[0], 200)
        client = connect(self.url)
        self.addCleanup(client.close)
        client.sendall(post("/all", 4, b"12"))
        eventually("it is in flight", lambda: self.metric('tidegate_http_requests_in_flight{route="all"}') == 1)
        self.assertEqual(self.remove()[0], 200)
        self.assertEqual(self.reload()[0], 200)  # nothing of the first is under way any more
        self.assertTrue(any("more.db" in name for name in self.open_files()))
        client.sendall(b"34")
        self.assertIn(b" 200 ", client.recv(1000))
        self.await_closed()

    def test_a_queue_that_comes_back_takes_no_job_before_its_reload_is_in_force(self):
        self.assertEqual(self.add()[0], 200)
        client = connect(self.url)
        self.addCleanup(client.close)
        client.sendall(post("/later", 4, b"12").replace(b"Host:", b"Prefer: respond-async\r\nHost:"))
        eventually("it is in flight", lambda: self.metric('tidegate_http_requests_in_flight{route="later"}') == 1)
        self.assertEqual(self.remove()[0], 200)
        silent = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]  # opening waits for each
        for server in silent:
            self.addCleanup(server.close)
        slow = [f'  r{i}: {{url: "redis://127.0.0.1:{server.getsockname()[1]}", spool: "{self.folder}/r{i}.db"}}\n'
                for i, server in enumerate(silent)]
        lock = open(self.folder / "zz.db.lock", "w")  # as another process that has that file
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.write(queues=f'  more: {{url: "{self.own_url()}"}}\n{"".join(slow)}'
                   f'  zz: {{url: "sqlite://{self.folder}/zz.db"}}', routes=ROUTE.format("more"))
        reports = []
        reload = threading.Thread(target=lambda: reports.append(self.reload()))
        reload.start()
        accepted = silent[0].accept()[0]
        self.addCleanup(accepted.close)
        client.sendall(b"34")
        self.assertIn(b"HTTP/1.1 503 ", client.recv(1000))
        self.assertEqual(reports, [])  # it was under way
        reload.join()
        self.assertEqual(reports[0][0], 409)
        self.await_closed()
        with contextlib.closing(sqlite3.connect(self.folder / "more.db")) as jobs:
            self.assertEqual(jobs.execute("SELECT count(*) FROM jobs").fetchone(), (0,))

    def test_a_removed_queue_that_holds_jobs_stays_open_until_it_holds_none(self):
        server = self.redis()
        url, more = self.spooled(server)
        self.assertEqual(self.add(url, more=more)[0], 200)
        client = connect(self.url)
        self.addCleanup(client.close)
        client.sendall(post("/all", 4, b"12"))
        eventually("it is in flight", lambda: self.metric('tidegate_http_requests_in_flight{route="all"}') == 1)
        eventually("it is removed", lambda: self.remove()[0] == 200)
        server.pause()  # while it does not answer, nobody knows what it holds
        self.addCleanup(server.resume)
        eventually("that is seen", lambda: self.logged("queue_server_unavailable", '"more"'))
        client.sendall(b"34")
        self.assertIn(b" 200 ", client.recv(1000))
        eventually("it is kept", lambda: self.logged("queue_kept_open", '"more"', "server is unavailable"))
        self.assertEqual(self.logged("queue_closed"), [])
        self.assertEqual(self.reload()[0], 200)  # it refuses nothing
        server.resume()
        self.await_closed("spool.db")
        self.assertEqual(len(self.logged("queue_kept_open")), 1)

    def test_a_queue_whose_server_is_away_is_not_removed(self):
        server = self.redis()
        url, more = self.spooled(server)
        self.assertEqual(self.add(url, more=more)[0], 200)
        eventually("it is there", lambda: self.metric('tidegate_dependency_up{dependency="queue:more"}') == 1)
        self.lose_upstream()
        answer = request("POST", self.url + "/later", b"1234", {"Prefer": "respond-async"})
        self.assertEqual(answer.status, 202)
        server.kill()
        self.program.stop()
        self.program.start()  # it has never seen what the server holds
        status, report = self.remove()
        self.assertEqual(status, 409)
        self.assertIn("queues.more: cannot be removed: it still holds an unknown number of jobs, for its server is "
                      "unavailable", report["detail"])
        server.start()
        eventually("the job is seen", lambda: "holds 1 job" in self.remove()[1]["detail"])

    def test_a_queue_that_is_still_in_use_does_not_come_back_on_another_file_and_the_message_says_why(self):
        self.assertEqual(self.add()[0], 200)
        client = connect(self.url)
        self.addCleanup(client.close)
        client.sendall(post("/all", 4, b"12"))
        eventually("it is in flight", lambda: self.metric('tidegate_http_requests_in_flight{route="all"}') == 1)
        self.assertEqual(self.remove()[0], 200)
        for url, name in ((f"sqlite://{self.folder}/other.db", "more"), (None, "renamed")):
            status, report = self.add(url, name)
            self.assertEqual(status, 409)
            self.assertIn("it has been removed, and stays open while requests or tunnels that began before use it",
                          report["detail"])
            self.assertNotIn("by a reload of its own", report["detail"])

    def test_notes_of_open_breakers_stay_where_they_are_when_a_queue_is_added(self):
        def notes(file):
            with contextlib.closing(sqlite3.connect(f"file:{self.folder}/{file}?mode=ro", uri=True)) as store:
                return store.execute("SELECT name FROM notes WHERE name LIKE 'breaker%'").fetchall()

        self.lose_upstream()
        self.write(failures=1)
        self.assertEqual(self.reload()[0], 200)
        request("GET", self.url + "/all")
        eventually("it is noted", lambda: notes("jobs.db"))
        self.assertEqual(self.add(f"sqlite://{self.folder}/aaa.db", "aaa")[0], 200)
        request("GET", self.url + "/all")
        self.program.stop()
        self.assertEqual(notes("jobs.db"), [("breaker of upstream up",)])
        self.program.start()
        eventually("it begins open", lambda: self.logged("breaker_transition", '"reason":"restored"'))

    def test_a_refused_reload_leaves_no_store_of_callbacks_and_no_series(self):
        def series():
            text = request("GET", self.admin + "/metrics").body.decode()
            return {line.rsplit(" ", 1)[0] for line in text.splitlines() if "tidegate_" in line and line[0] != "#"}

        for worker in (0, 1):
            eventually("its lag is known", lambda worker=worker: f'tidegate_loop_lag_seconds{{worker="{worker}"}}' in series())
        before = series()
        route = ("      - {name: called, match: {path: /called}, upstream: up, fallback: {enqueue: {queue: jobs, "
                 "callback: {url: 'http://127.0.0.1:1/', secret: a-secret-of-the-callback-32-bytes}}}}")
        many = "\n".join(LISTENER.format(free_port()).replace("second", f"more{i}") for i in range(60))
        self.write(routes=route, listeners=many, queues=f'  more: {{url: "{self.own_url()}"}}')
        with self.at_most_open(30):  # the stores can be opened, and not all of the listeners
            status, report = self.reload()
        self.assertEqual(status, 409)
        self.assertIn("too many open files", report["detail"])
        self.await_closed("callbacks.db")
        self.await_closed()
        self.assertEqual(series() - before, set())
        self.write(routes=route, listeners="", queues="")
        self.assertEqual(self.reload()[0], 200)
        self.assertEqual(self.metric('tidegate_queue_bytes{queue="jobs.callbacks"}'), 0)

    def test_a_queue_is_renamed_by_two_reloads(self):
        self.assertEqual(self.add()[0], 200)
        job = request("POST", self.url + "/later", b"1234", {"Prefer": "respond-async"})
        url = f"{self.url}/_jobs/{job.json()['job_id']}"
        eventually("it has run", lambda: request("GET", url).json()["status"] == "succeeded")
        self.assertEqual(self.command("jobs", "purge", "--queue", "more", "--status", "succeeded").returncode, 0)
        eventually("it is removed", lambda: self.remove()[0] == 200)
        self.await_closed()
        self.assertEqual(self.add(name="renamed")[0], 200)
        job = request("POST", self.url + "/later", b"1234", {"Prefer": "respond-async"})
        self.assertEqual(job.status, 202)

    def test_what_refuses_a_start_refuses_the_reload_with_the_same_words(self):
        other = self.folder / "other.db"
        holder = self.folder / "holder.yaml"
        holder.write_text(CONFIG.format(**{**self.values, "admin": 0, "proxy": 0, "folder": self.folder / "holder"})
                          .replace(f"{self.folder}/holder/jobs.db", str(other)))
        (self.folder / "holder").mkdir()
        with subprocess.Popen([BIN / "tidegate", "run", "-c", holder], stderr=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            for line in process.stderr:
                if "serving" in line:
                    break
            status, report = self.add(f"sqlite://{other}")
            self.assertEqual(status, 409)
            start = subprocess.run([BIN / "tidegate", "run", "-c", self.fresh_start()], capture_output=True, text=True,
                                   timeout=60)
            self.assertEqual(start.returncode, 1)
            self.assertIn(report["detail"].split("; ")[0], start.stderr)
            process.terminate()
            process.communicate(timeout=60)
        self.assertEqual(self.reload()[0], 200)

    def fresh_start(self):
        """The same queue for a process of its own: on other ports, and without the queue of this one."""
        file = self.folder / "fresh.yaml"
        file.write_text(CONFIG.format(**{**self.values, "admin": 0, "proxy": 0, "folder": self.folder / "fresh"}))
        (self.folder / "fresh").mkdir(exist_ok=True)
        return file

    def test_a_queue_whose_name_begins_with_that_of_a_removed_one_is_not_forgotten(self):
        urgent = f'  more.urgent: {{url: "sqlite://{self.folder}/urgent.db"}}'
        more = f'  more: {{url: "{self.own_url()}"}}\n'
        self.write(queues=more + urgent, routes=ROUTE.format("more.urgent"))
        self.assertEqual(self.reload()[0], 200)
        self.write(queues=urgent)
        self.assertEqual(self.reload()[0], 200)
        self.await_closed("more.db")
        self.write(slots=9)
        self.assertEqual(self.reload()[0], 200)

    def test_a_new_queue_that_takes_no_jobs_refuses_the_reload_and_what_is_in_force_stays_ready(self):
        broken = self.folder / "broken.db"
        broken.write_bytes(b"this is no database" * 1000)
        status, report = self.add(f"sqlite://{broken}")
        self.assertEqual(status, 409)
        self.assertIn("queues.more: takes no jobs", report["detail"])
        self.assertEqual(request("GET", self.admin + "/ready").status, 200)
        self.assertNotRegex(request("GET", self.admin + "/metrics").body.decode(), '"(queue:)?more"')
        broken.unlink()
        self.assertEqual(self.add(f"sqlite://{broken}")[0], 200)
        self.assertEqual(self.remove()[0], 200)


if __name__ == "__main__":
    unittest.main()
