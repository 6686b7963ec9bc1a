"""The configuration of a running Tidegate is loaded again: by signal, by command, by a change of the file."""
import errno
import os
import signal
import socket
import unittest

from programs import eventually, free_port, http as request
from reloading import CONFIG, LISTENER, ROUTE, Reloading as Fixture


class Reloading(Fixture):
    def test_the_command_prints_what_has_changed_and_fails_where_it_is_refused(self):
        self.write(slots=32)
        done = self.command("reload")  # the watch of the file may have been first
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("upstreams.up.bulkhead.max_concurrent: 16 -> 32", done.stdout)
        self.write("nonsense: [")
        done = self.command("reload")
        self.assertEqual(done.returncode, 4)
        self.assertIn("tidegate.yaml:", done.stderr)
        self.assertEqual(self.metric("tidegate_config_last_reload_successful"), 0)
        self.assertEqual(self.status()["last_reload"]["result"], "refused")
        status = self.command("status")
        self.assertEqual(status.returncode, 5)
        self.assertIn("the last reload of the configuration was refused", status.stdout)
        self.assertEqual(request("GET", self.url + "/all").status, 200)
        self.write()
        self.assertEqual(self.command("reload").returncode, 0)
        self.assertEqual(self.metric("tidegate_config_last_reload_successful"), 1)

    def test_a_signal_reloads(self):
        self.write(routes=ROUTE.format(1))
        self.program.process.send_signal(signal.SIGHUP)
        eventually("the route is there", lambda: request("GET", self.url + "/extra1").status == 200)

    def test_a_change_of_the_file_reloads(self):
        self.write(routes=ROUTE.format(1))
        eventually("the route is there", lambda: request("GET", self.url + "/extra1").status == 200)
        self.assertEqual(self.status()["last_reload"]["trigger"], "file")
        self.file.write_text(CONFIG.format(**{**self.values, "routes": ""}))
        eventually("the route is gone", lambda: request("GET", self.url + "/extra1").status == 404)

    def test_what_needs_a_restart_is_said_and_the_rest_takes_effect(self):
        self.write(CONFIG.format(**{**self.values, "slots": 8}).replace("workers: 2", "workers: 3"))
        status, report = self.reload()
        self.assertEqual((status, report["needs_restart"]), (200, ["workers: 2 -> 3"]))
        said = self.command("reload").stdout.splitlines()
        self.assertIn("needs a restart: workers: 2 -> 3", said)
        self.assertRegex(said[-1], "^the rest is in force since ")
        self.assertEqual(self.metric("tidegate_bulkhead_limit"), 8)

    def test_limits_of_a_queue_change_and_a_reload_that_is_refused_changes_none(self):
        def status_of_a_job():
            return request("POST", self.url + "/job", b"1234", {"Prefer": "respond-async"}).status

        full = CONFIG.format(**self.values).replace("max_jobs: 100000", "max_jobs: 7, min_free_disk: 1024TiB")
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", 0))
            taker.listen()
            self.write(full + LISTENER.format(taker.getsockname()[1]))
            self.assertEqual(self.reload()[0], 409)
        self.assertEqual(self.metric('tidegate_queue_max_jobs{queue="jobs"}'), 100_000)
        self.assertEqual(status_of_a_job(), 202)
        self.write(full)
        status, report = self.reload()
        self.assertEqual((status, report["needs_restart"]), (200, []))
        self.assertEqual(self.metric('tidegate_queue_max_jobs{queue="jobs"}'), 7)
        self.assertEqual(status_of_a_job(), 503)
        self.write()
        self.assertEqual(self.reload()[0], 200)
        self.assertEqual(status_of_a_job(), 202)

    def test_a_token_is_required_and_pages_of_other_sites_are_refused(self):
        self.assertEqual(request("POST", self.admin + "/api/reload", b"").status, 401)
        self.assertEqual(request("POST", self.admin + "/api/reload", b"",
                                 {"Authorization": "Bearer a-token-of-the-test",
                                  "Origin": "https://elsewhere.example"}).status, 403)

    def test_an_interface_that_the_network_reaches_keeps_its_token(self):
        self.program.stop()
        public = CONFIG.format(**self.values).replace(f'"127.0.0.1:{self.values["admin"]}"',
                                                      f'"0.0.0.0:{self.values["admin"]}"')
        self.write(public)
        self.program.start()
        self.write(CONFIG.format(**{**self.values, "token": ""}))
        status, report = self.reload()
        self.assertEqual(status, 409)
        self.assertIn("admin.token: cannot be removed", report["detail"])
        self.assertEqual(request("POST", self.admin + "/api/reload", b"").status, 401)

    def test_a_queue_that_was_opened_for_a_refused_reload_is_closed(self):
        extra = f'  more: {{url: "sqlite://{self.folder}/more.db"}}'
        route = "      - {name: later, match: {path: /later}, upstream: up, fallback: {enqueue: {queue: more}}}"
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", 0))
            taker.listen()
            self.write(queues=extra, routes=route, listeners=LISTENER.format(taker.getsockname()[1]))
            self.assertEqual(self.reload()[0], 409)
        self.write(queues="", routes="", listeners="")
        self.assertEqual(self.reload()[0], 200)
        self.write(queues=extra.replace("more.db", "other.db"), routes=route)
        self.assertEqual(self.reload()[0], 200)
        self.assertEqual(self.metric('tidegate_queue_max_jobs{queue="more"}'), 100_000)

    def test_diff_shows_changes_and_no_secrets(self):
        self.write(CONFIG.format(**{**self.values, "token": "another-token", "slots": 9}))
        before = self.folder / "before.yaml"
        before.write_text(CONFIG.format(**self.values))
        done = self.command("diff", before, self.file)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.splitlines(), ["admin.token: changed", "queues.jobs.replay.concurrency: 16 -> 9",
                                                    "upstreams.up.bulkhead.max_concurrent: 16 -> 9"])

    def test_diff_says_what_needs_a_restart_and_where_there_is_no_difference(self):
        same = self.command("diff", self.file, self.file)
        self.assertEqual((same.returncode, same.stdout), (0, "no difference\n"))
        before = self.folder / "before.yaml"
        before.write_text(CONFIG.format(**self.values))
        self.write(CONFIG.format(**{**self.values, "admin": 1})
                   .replace("workers: 2", "workers: 3").replace("/jobs.db", "/other.db"))
        done = self.command("diff", before, self.file)
        self.assertEqual(done.returncode, 0)
        self.assertEqual([line for line in done.stdout.splitlines() if "restart" in line],
                         [f"needs a restart: admin.address: 127.0.0.1:{self.values['admin']} -> 127.0.0.1:1",
                          "needs a restart: workers: 2 -> 3",
                          "needs a restart: queues.jobs.url: a reload is refused"])

    def test_diff_says_that_a_queue_that_is_renamed_on_its_file_is_refused(self):
        before = self.folder / "before.yaml"
        before.write_text(CONFIG.format(**self.values))
        self.write(CONFIG.format(**self.values).replace("jobs: {url", "renamed: {url")
                   .replace("queue: jobs", "queue: renamed"))
        self.assertIn("a reload is refused: queues.renamed.url: queue jobs has that file open; give the new queue another "
                      "file, or remove queue jobs by a reload of its own, before this one\n",
                      self.command("diff", before, self.file).stdout)

    def test_a_file_that_hangs_does_not_hold_up_the_end_of_the_process(self):
        self.write()
        self.file.unlink()
        os.mkfifo(self.file)  # nobody writes: it is being read for ever
        self.program.process.send_signal(signal.SIGHUP)
        self.addCleanup(os.close, eventually("a thread reads it", self.write_end_of_the_file))
        self.program.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.process.wait(timeout=60), 0)
        self.assertIn("reload_abandoned", (self.folder / "tidegate.log").read_text())

    def write_end_of_the_file(self):
        try:
            return os.open(self.file, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            self.assertEqual(error.errno, errno.ENXIO)
            return None  # nobody reads it yet

    def test_a_port_that_is_taken_refuses_all(self):
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", 0))
            taker.listen()
            self.write(slots=9, listeners=LISTENER.format(taker.getsockname()[1]))
            status, report = self.reload()
        self.assertEqual((status, report["reason"]), (409, "reload_refused"))
        self.assertIn("another process listens there", report["detail"])
        self.assertEqual(self.metric("tidegate_bulkhead_limit"), 16)

    def test_a_queue_that_is_renamed_on_its_file_is_refused_and_the_message_says_why(self):
        for url, spool in ((f"sqlite://{self.folder}/jobs.db", ""),
                           ("redis://127.0.0.1:1", f', spool: "{self.folder}/jobs.db"')):
            self.write(CONFIG.format(**self.values).replace(f'jobs: {{url: "sqlite://{self.folder}/jobs.db"',
                                                            f'renamed: {{url: "{url}"{spool}')
                       .replace("queue: jobs", "queue: renamed"))
            status, report = self.reload()
            self.assertEqual(status, 409)
            self.assertIn("queue jobs has that file open", report["detail"])

    def test_listeners_and_queues_come_and_go(self):
        port = free_port()
        extra = f'  more: {{url: "sqlite://{self.folder}/more.db"}}'
        route = ("      - {name: later, match: {path: /later}, upstream: up, fallback: {enqueue: {queue: more, "
                 "max_body: 1MiB}}}")
        self.write(listeners=LISTENER.format(port), queues=extra, routes=route)
        self.assertEqual(self.reload()[0], 200)
        self.assertEqual(request("GET", f"http://127.0.0.1:{port}/all").status, 200)
        job = request("POST", self.url + "/later", b"1234", {"Prefer": "respond-async"})
        self.assertEqual(job.status, 202)
        url = f"{self.url}/_jobs/{job.json()['job_id']}"
        eventually("it has run", lambda: request("GET", url).json()["status"] == "succeeded")
        self.write(listeners="", queues="", routes="")
        status, report = self.reload()
        self.assertEqual(status, 409)
        self.assertIn("queues.more: cannot be removed: it still holds 1 job (1 succeeded)", report["detail"])
        self.assertEqual(self.command("jobs", "purge", "--queue", "more", "--status", "succeeded").returncode, 0)
        eventually("it is removed", lambda: self.reload()[0] == 200)
        self.assertEqual(request("POST", self.url + "/later", b"1234").status, 404)
        with self.assertRaises(OSError):
            request("GET", f"http://127.0.0.1:{port}/all")


if __name__ == "__main__":
    unittest.main()
