"""The configuration of a running Tidegate is loaded again: by signal, by command, by a change of the file; under load nothing
fails, nothing is lost and nothing is left behind."""
import collections
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from programs import BIN, Program, eventually, free_port, http as request

RELOADS = int(os.environ.get("RELOADS", "200"))
CLIENTS = 3
UPLOAD = b"x" * 100_000


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.respond(b"hello")

    def do_POST(self):
        self.respond(str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode())

    def respond(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Upstream(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100


CONFIG = """
workers: 2
log: {{access: off}}
admin: {{address: "127.0.0.1:{admin}", token: "{token}"}}
upstreams:
  up:
    endpoints: ["http://127.0.0.1:{upstream}"]
    max_connections: {connections}
    breaker: {{consecutive_failures: {failures}}}
    bulkhead: {{max_concurrent: {slots}, max_waiting: 100, max_wait: 20s}}
queues:
  jobs: {{url: "sqlite://{folder}/jobs.db", max_jobs: 100000, replay: {{concurrency: {slots}, max_attempts: 5}}}}
{queues}
listeners:
  - name: main
    address: "127.0.0.1:{proxy}"
    limits: {{connections: {connections}00}}
    routes:
{routes}
      - {{name: all, match: {{path: /all*}}, upstream: up, timeout: {{total: 60s}}}}
      - {{name: job, match: {{path: /job*}}, upstream: up, fallback: {{enqueue: {{queue: jobs, max_body: 1MiB}}}}}}
{listeners}
"""
ROUTE = "      - {{name: extra{0}, match: {{path: /extra{0}}}, upstream: up}}"
LISTENER = """  - name: second
    address: "127.0.0.1:{}"
    routes: [{{name: second, match: {{path: /*}}, upstream: up}}]"""


class Reloading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.upstreams = [Upstream(("127.0.0.1", 0), Echo) for _ in range(2)]
        for upstream in self.upstreams:
            threading.Thread(target=upstream.serve_forever, daemon=True).start()
            self.addCleanup(upstream.server_close)
            self.addCleanup(upstream.shutdown)
        (self.folder / "config").mkdir()
        self.file = self.folder / "config" / "tidegate.yaml"
        self.values = {"admin": free_port(), "proxy": free_port(), "token": "a-token-of-the-test", "slots": 16,
                       "upstream": self.upstreams[0].server_port, "connections": 50, "failures": 5, "folder": self.folder,
                       "routes": "", "queues": "", "listeners": ""}
        self.admin = f"http://127.0.0.1:{self.values['admin']}"
        self.url = f"http://127.0.0.1:{self.values['proxy']}"
        self.write()
        self.program = Program("tidegate", [BIN / "tidegate", "run", "-c", self.file], self.folder / "tidegate.log",
                               self.admin + "/health")
        self.addCleanup(self.program.stop)
        self.program.start()

    def write(self, text=None, **changes):
        self.values.update(changes)
        whole = self.folder / "config" / ".new"
        whole.write_text(text or CONFIG.format(**self.values))
        whole.rename(self.file)

    def reload(self):
        """By the interface: the status and the JSON of the response."""
        answer = request("POST", self.admin + "/api/reload", b"", {"Authorization": "Bearer " + self.values["token"]})
        return answer.status, answer.json()

    def command(self, *words):
        return subprocess.run([BIN / "tidegate", *words], capture_output=True, text=True, timeout=60,
                              env={"TIDEGATE_ADMIN": f"127.0.0.1:{self.values['admin']}",
                                   "TIDEGATE_ADMIN_TOKEN": self.values["token"]})

    def metric(self, line_start):
        for line in request("GET", self.admin + "/metrics").body.decode().splitlines():
            if line.startswith(line_start):
                return float(line.rsplit(" ", 1)[1])
        return None

    def status(self):
        return request("GET", self.admin + "/api/status", headers={"Authorization": "Bearer a-token-of-the-test"}).json()

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
        self.assertEqual(self.metric("tidegate_bulkhead_limit"), 8)

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

    def test_a_port_that_is_taken_refuses_all(self):
        with socket.socket() as taker:
            taker.bind(("127.0.0.1", 0))
            taker.listen()
            self.write(slots=9, listeners=LISTENER.format(taker.getsockname()[1]))
            status, report = self.reload()
        self.assertEqual((status, report["reason"]), (409, "reload_refused"))
        self.assertIn("another process listens there", report["detail"])
        self.assertEqual(self.metric("tidegate_bulkhead_limit"), 16)

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

    def client(self, stop, answers, jobs):
        connection = http.client.HTTPConnection("127.0.0.1", self.values["proxy"], timeout=120)
        for i in range(1_000_000):
            if stop.is_set():
                return
            kind = i % 3
            path, body, fields = (("/all", None, {}), ("/all", UPLOAD, {}),
                                  ("/job", UPLOAD[:5000], {"Prefer": "respond-async"}))[kind]
            try:
                connection.request("GET" if body is None else "POST", path, body, fields)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as error:
                answers.append(repr(error))
                return
            answers.append(response.status)
            if response.status == 202:
                jobs.append(json.loads(text)["job_id"])

    def resources(self):
        folder = Path(f"/proc/{self.program.process.pid}")
        memory_kib = next(int(line.split()[1]) for line in (folder / "status").read_text().splitlines()
                          if line.startswith("VmRSS"))
        return memory_kib, len(list((folder / "fd").iterdir()))

    def one_reload(self, number, second):
        if number % 5 == 4:
            self.write(("upstreams: {", "workers: 0", CONFIG.format(**{**self.values, "slots": -1}))[number % 3])
            self.assertEqual(self.reload()[0], 409)
            self.write()
            return
        self.write(slots=(4, 16)[number % 2], connections=(20, 50)[number % 3 % 2], failures=3 + number % 3,
                   upstream=self.upstreams[number // 2 % 2].server_port,
                   routes=ROUTE.format(number) if number % 3 == 0 else "",
                   listeners=LISTENER.format(second) if number % 4 < 2 else "")
        status, report = self.reload()
        self.assertEqual(status, 200, report)

    def test_under_load_nothing_fails_nothing_is_lost_and_nothing_is_left(self):
        stop, answers, jobs, second = threading.Event(), [], [], free_port()
        threads = [threading.Thread(target=self.client, args=(stop, answers, jobs)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        self.addCleanup(stop.set)
        warm = RELOADS // 2
        for number in range(warm):
            self.one_reload(number, second)
        eventually("requests have been made", lambda: len(answers) > 50)
        before = self.resources()
        for number in range(warm, RELOADS):
            self.one_reload(number, second)
        after = self.resources()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(answers), {200, 202}, collections.Counter(answers))
        for job in jobs:
            eventually(f"job {job} has succeeded",
                       lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")
        self.assertLess(after[0] - before[0], 20_000, "KiB of memory")
        eventually("the descriptors are as before", lambda: self.resources()[1] <= before[1] + 5)
        self.assertEqual(self.program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
