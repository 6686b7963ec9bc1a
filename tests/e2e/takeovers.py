"""Processes that take over from one another, and the load that they are under."""
import collections
import http.client
import json
import random
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import ThreadingHTTPServer
from pathlib import Path

from programs import BIN, ROOT, Responder, eventually, events, free_port, http as request, in_flight
from takeover_peer import RELEASED, Peer

CLIENTS = 3
UPLOAD = b"x" * 300_000


class Echo(Responder):
    """Responds with what it got; /slow waits, /gone fails while `broken` is set, /job counts its requests by body."""
    broken = threading.Event()
    seen = collections.Counter()
    lock = threading.Lock()

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(float(self.path.rsplit("=", 1)[1]))
        self.respond(200, b"hello")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/job"):
            with self.lock:
                self.seen[body[:40]] += 1
            if "slow" in self.path:
                time.sleep(3)
            if self.broken.is_set():
                return self.respond(503, b"")
        self.respond(200, str(len(body)).encode())


class Upstream(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def handle_error(self, request, client_address):
        pass  # a process that was killed


CONFIG = """
workers: {workers}
shutdown_grace: 20s
log: {{access: off, format: json}}
takeover: {{socket: {folder}/takeover.sock}}
admin: {{address: "127.0.0.1:{admin}"}}
upstreams:
  up: {{endpoints: ["http://127.0.0.1:{upstream}"], max_connections: 100}}
queues:
  jobs: {{{store}, replay: {{concurrency: 4, backoff: {{base: 50ms, max: 500ms}}}}}}
listeners:
  - name: main
    address: "127.0.0.1:{proxy}"
    routes:
      - {{name: job, match: {{path: /job*}}, upstream: up, fallback: {{enqueue: {{queue: jobs, max_body: 1MiB}}}}}}
      - {{name: all, match: {{path: "/*"}}, upstream: up, timeout: {{total: 60s}}}}
{listeners}
"""
LISTENER = """  - {{name: second, address: "127.0.0.1:{}", routes: [{{name: second, match: {{path: "/*"}}, upstream: up}}]}}
"""
ASYNC = {"Prefer": "respond-async"}


class Load:
    """Clients that send until they are told to stop; what fails is kept, and so is every accepted job."""

    def __init__(self, port):
        self.port, self.stop = port, threading.Event()
        self.served, self.failures, self.jobs = collections.Counter(), [], {}
        self.numbers = iter(range(10**9))
        kinds = [self.kept_get, self.new_get, self.kept_upload, self.new_job, self.kept_job_and_poll, self.slow_upload]
        self.threads = [threading.Thread(target=self.run, args=(kind,), daemon=True) for kind in kinds
                        for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, kind):
        connection = None
        while not self.stop.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                keep = kind(connection)
                self.served[kind.__name__] += 1
            except Exception as error:  # whatever it is, a client has seen it
                self.failures.append(f"{kind.__name__}: {error!r}")
                keep = False
            if not keep:
                connection.close()
                connection = None
        if connection:
            connection.close()

    def exchange(self, connection, method, path, body=None, headers=None, expected=(200,)):
        """The body of the response, and whether the connection stays."""
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in expected:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return text, not answer.will_close

    def kept_get(self, connection):
        return self.exchange(connection, "GET", "/a")[1]

    def new_get(self, connection):
        self.exchange(connection, "GET", "/a", headers={"Connection": "close"})
        return False

    def kept_upload(self, connection):
        return self.exchange(connection, "POST", "/upload", UPLOAD)[1]

    def accept(self, text, name):
        job_id = json.loads(text)["job_id"]
        self.jobs[job_id] = name

    def body_of_job(self):
        return f"job-{next(self.numbers)}-".encode().ljust(40, b"-") + b"y" * random.choice((100, 400_000))

    def new_job(self, connection):
        body = self.body_of_job()
        self.accept(self.exchange(connection, "POST", "/job", body, ASYNC, (202,))[0], body[:40])
        return False

    def kept_job_and_poll(self, connection):
        body = self.body_of_job()
        text, stays = self.exchange(connection, "POST", "/job", body, ASYNC, (202,))
        self.accept(text, body[:40])
        if not stays:
            return False
        time.sleep(random.random() / 10)
        job = json.loads(text)["job_id"]
        text, stays = self.exchange(connection, "GET", f"/_jobs/{job}")
        if stays and json.loads(text)["status"] == "succeeded":
            text, stays = self.exchange(connection, "GET", f"/_jobs/{job}/result")
            assert text == str(len(body)).encode(), text
        return stays

    def slow_upload(self, connection):
        """In flight over a takeover: its body ends after the queue has moved."""
        body = self.body_of_job()
        connection.putrequest("POST", "/job")
        for name, value in {**ASYNC, "Content-Length": len(body)}.items():
            connection.putheader(name, str(value))
        connection.endheaders()
        for at in range(0, len(body), 100_000):
            time.sleep(random.random() / 4)
            connection.send(body[at:at + 100_000])
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise AssertionError(f"slow upload: {answer.status} {text[:300]!r}")
        self.accept(text, body[:40])
        return not answer.will_close

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), "a client hangs"


class Takeovers(unittest.TestCase):
    template = CONFIG

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        Echo.seen.clear()
        Echo.broken.clear()
        upstream = Upstream(("127.0.0.1", 0), Echo)
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        self.addCleanup(upstream.server_close)
        self.addCleanup(upstream.shutdown)
        self.values = {"admin": free_port(), "proxy": free_port(), "upstream": upstream.server_port, "workers": 2,
                       "folder": self.folder, "listeners": "", "store": f'url: "sqlite://{self.folder}/jobs.db"'}
        self.admin = f"http://127.0.0.1:{self.values['admin']}"
        self.url = f"http://127.0.0.1:{self.values['proxy']}"
        self.running = []
        self.addCleanup(self.kill_all)

    def kill_all(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=30)

    def launch(self, **changes):
        """A process that takes over, if there is one to take over from."""
        self.values.update(changes)
        number = len(self.running)
        config = self.folder / f"{number}.yaml"
        config.write_text(self.template.format(**self.values))
        with open(self.folder / f"{number}.log", "ab") as log:
            process = subprocess.Popen([BIN / "tidegate", "run", "--takeover", "-c", config], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, cwd=ROOT)
        self.running.append(process)
        return process

    def events(self, process, name):
        return events(self.log_of(process), name)

    def steps(self, process):
        return [event["step"] for event in self.events(process, "takeover_step")]

    def last_step(self, process):
        return next(reversed(self.steps(process)), None)

    def config_of(self, process):
        return self.folder / f"{self.running.index(process)}.yaml"

    def log_of(self, process):
        return (self.folder / f"{self.running.index(process)}.log").read_text(errors="replace")

    def await_serving(self, process):
        def serves():
            self.assertIsNone(process.poll(), self.log_of(process)[-3000:])
            return self.events(process, "serving")
        eventually("it serves", serves, 60)
        return process

    def start(self, **changes):
        return self.await_serving(self.launch(**changes))

    def take_over(self, old, **changes):
        """The new process, once the old one has ended well."""
        new = self.start(**changes)
        self.assertEqual(old.wait(timeout=60), 0, self.log_of(old)[-3000:])
        return new

    def statuses(self, load):
        """Of the jobs that were accepted."""
        found = collections.Counter()
        for job in load.jobs:
            answer = request("GET", f"{self.url}/_jobs/{job}")
            found[answer.json()["status"] if answer.status == 200 else answer.status] += 1
        return found

    def assert_nothing_lost(self, load):
        load.end()
        self.assertEqual(load.failures, [], "\n".join(self.log_of(each)[-1500:] for each in self.running[-2:]))
        self.assertGreater(len(load.jobs), 0)
        everything = {"succeeded": len(load.jobs)}
        # The load may have left thousands behind: some tens a second run.
        eventually("every job has succeeded", lambda: self.statuses(load) == everything, 120 + len(load.jobs) / 10)
        self.assertEqual({body for body in load.jobs.values()} - set(Echo.seen), set())

    def connect(self):
        client = http.client.HTTPConnection("127.0.0.1", self.values["proxy"], timeout=60)
        self.addCleanup(client.close)
        return client

    def begin_slow(self, seconds):
        """The client of a request that is in flight for so long."""
        client = self.connect()
        client.request("GET", f"/slow?={seconds}")
        eventually("it is in flight", lambda: in_flight(self.admin) == 1)
        return client

    def begin_job(self):
        """The client of a job that is in flight: 20 of its 40 bytes, each an "a", are sent."""
        client = self.connect()
        client.putrequest("POST", "/job")
        for name, value in {**ASYNC, "Content-Length": "40"}.items():
            client.putheader(name, value)
        client.endheaders()
        client.send(b"a" * 20)
        eventually("it is in flight", lambda: in_flight(self.admin) == 1)
        return client

    def peer_that_has_the_queues(self, stores=None):
        peer = Peer(self.folder / "takeover.sock")
        peer.hello()
        peer.prepared(self.addresses(), self.stores() if stores is None else stores)
        peer.await_kind(RELEASED)
        return peer

    def addresses(self):
        return [f"127.0.0.1:{self.values[name]}" for name in ("admin", "proxy")]

    def stores(self):
        return {"jobs": f"sqlite://{self.folder}/jobs.db"}
