"""Starts and stops the real programs on free loopback ports, each with its log in a temporary folder."""
import fcntl
import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TIDEGATE_BIN", ROOT / "build" / "test" / "bin"))
# Sanitizer builds can use another optimizer: the image libraries are not instrumented.
OPTIMIZER = Path(os.environ.get("TIDEGATE_OPTIMIZER", BIN / "watermark-optimizer"))


_PORTS = range(12_000, 32_000)  # below the ephemeral ports of Linux
_given = {}  # by port: its lock, which other suites that run meanwhile respect, until this process ends


def free_port():
    folder = Path(tempfile.gettempdir()) / f"tidegate-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(100):
        port = random.choice(_PORTS)
        if port in _given:
            continue
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _given[port] = lock
        return port
    raise AssertionError("no free port")


class Answer:
    def __init__(self, status, headers, body, took_s):
        self.status, self.headers, self.body, self.took_s = status, headers, body, took_s

    def json(self):
        return json.loads(self.body)


def http(method, url, body=None, headers=None, timeout=90):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(answer.status, answer.headers, answer.read(), time.monotonic() - begun)
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read(), time.monotonic() - begun)


def eventually(what, condition, seconds=180):
    """Waits for a condition of another process. The bound only ends a broken run."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"never came true: {what}")


def upload(url, image, text, position="bottom-right"):
    boundary = "tidegate-e2e-boundary"
    parts = b""
    for name, value in (("wm_text", text.encode()), ("wm_position", position.encode())):
        parts += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
    parts += (f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
              "Content-Type: image/jpeg\r\n\r\n").encode() + image + f"\r\n--{boundary}--\r\n".encode()
    return http("POST", f"{url}/upload", parts, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def in_flight(admin):
    """Requests in flight over all routes of the Tidegate with that admin interface."""
    text = http("GET", admin + "/metrics").body.decode()
    return sum(map(int, re.findall(r"^tidegate_http_requests_in_flight\{.*\} (\d+)", text, re.MULTILINE)))


def metric(admin, line_start):
    """The value of the first line that begins so, of the metrics at that address; None: there is none."""
    for line in http("GET", admin + "/metrics").body.decode().splitlines():
        if line.startswith(line_start):
            return float(line.rsplit(" ", 1)[1])
    return None


def records(text):
    """All that a log in JSON says."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def events(text, name):
    return [record for record in records(text) if record["event"] == name]


class Responder(BaseHTTPRequestHandler):
    """Handles the requests to a server of a test's, on connections that stay; logs nothing."""
    protocol_version = "HTTP/1.1"

    def respond(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Program:
    def __init__(self, name, arguments, log, health_url, environment=None, keep_descriptors=False):
        self.name, self.arguments, self.log, self.health_url = name, arguments, Path(log), health_url
        self.keep_descriptors = keep_descriptors
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment, cwd=ROOT, close_fds=not self.keep_descriptors)
        eventually(f"{self.name} is healthy", self.is_healthy)

    def is_healthy(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.text()[-3000:]}")
        try:
            return http("GET", self.health_url, timeout=2).status == 200
        except OSError:
            return False

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def stop(self):
        return self.kill(signal.SIGTERM) if self.process and self.process.poll() is None else None

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Stack:
    """Optimizer, Tidegate and API, as `make run` starts them, with `changes` made to the shipped configuration."""

    def __init__(self, folder, changes=()):
        self.folder = Path(folder)
        ports = {name: free_port() for name in ("optimizer", "proxy", "admin", "api")}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        config = (ROOT / "config" / "tidegate.yaml").read_text()
        for old, new in (("127.0.0.1:3001", f"127.0.0.1:{ports['optimizer']}"),
                         ("127.0.0.1:8081", f"127.0.0.1:{ports['proxy']}"),
                         ("127.0.0.1:9901", f"127.0.0.1:{ports['admin']}"), *changes):
            config, count = re.subn(re.escape(old) if isinstance(old, str) else old, new, config)
            assert count, f"the shipped configuration has no {old}"
        self.config = self.folder / "tidegate.yaml"
        self.config.write_text(config)
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        self.optimizer = Program("optimizer", [OPTIMIZER, "--listen", f"127.0.0.1:{ports['optimizer']}",
                                               "--allow-faults"],
                                 self.folder / "optimizer.log", self.urls["optimizer"] + "/health")
        self.tidegate = Program("tidegate", [BIN / "tidegate", "run", "-c", self.config], self.folder / "tidegate.log",
                                self.urls["admin"] + "/health", {"TIDEGATE_STATE_DIR": str(state)})
        self.api = Program("api", [BIN / "watermark-api"], self.folder / "api.log", self.urls["api"] + "/health",
                           {"LISTEN": f"127.0.0.1:{ports['api']}", "OPTIMIZER_URL": self.urls["proxy"],
                            "STATE_DIR": str(self.folder / "api")})
        self.programs = [self.optimizer, self.tidegate, self.api]

    def start(self):
        for program in self.programs:
            program.start()

    def stop(self):
        for program in reversed(self.programs):
            try:
                program.stop()
            except subprocess.TimeoutExpired:
                program.kill()

    def breaker(self):
        return http("GET", self.urls["admin"] + "/api/status").json()["breakers"][0]

    def metric(self, line_start):
        return metric(self.urls["admin"], line_start)


class WithOptimizer(unittest.TestCase):
    """One optimizer for all tests of the class, and a folder."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.upstream = free_port()
        cls.optimizer = Program("optimizer", [OPTIMIZER, "--listen", f"127.0.0.1:{cls.upstream}"],
                                cls.folder / "optimizer.log", f"http://127.0.0.1:{cls.upstream}/health")
        cls.optimizer.start()
        cls.addClassCleanup(cls.optimizer.stop)
