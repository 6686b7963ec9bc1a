"""A running Tidegate whose configuration a test changes."""
import subprocess
import tempfile
import threading
import unittest
from http.server import ThreadingHTTPServer
from pathlib import Path

from programs import BIN, Program, Responder, free_port, http as request, metric


class Echo(Responder):
    def do_GET(self):
        self.respond(200, b"hello")

    def do_POST(self):
        self.respond(200, str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode())


class Upstream(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100


CONFIG = """
workers: 2
log: {{access: off}}
takeover: {{socket: {folder}/takeover.sock}}
admin: {{address: "127.0.0.1:{admin}", token: "{token}"}}
upstreams:
  up:
    endpoints: ["http://127.0.0.1:{upstream}"]
    max_connections: {connections}
    breaker: {{consecutive_failures: {failures}}}
    bulkhead: {{max_concurrent: {slots}, max_waiting: 100, max_wait: 20s}}
{upstreams}
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
                       "routes": "", "queues": "", "listeners": "", "upstreams": ""}
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
        answer = request("POST", self.admin + "/api/reload", b"", self.credentials())
        return answer.status, answer.json()

    def credentials(self):
        return {"Authorization": "Bearer " + self.values["token"]}

    def command(self, *words):
        return subprocess.run([BIN / "tidegate", *words], capture_output=True, text=True, timeout=60,
                              env={"TIDEGATE_ADMIN": f"127.0.0.1:{self.values['admin']}",
                                   "TIDEGATE_ADMIN_TOKEN": self.values["token"]})

    def metric(self, line_start):
        return metric(self.admin, line_start)

    def status(self):
        return request("GET", self.admin + "/api/status", headers=self.credentials()).json()
