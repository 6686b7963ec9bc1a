"""Real Redis, RabbitMQ and MinIO servers on free loopback ports, each in a temporary folder.

They are killed, stopped and revived like any program of ours; `end` leaves nothing running.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from programs import free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import minio  # noqa: E402

_START_S = 180
_LEASH = ["setpriv", "--pdeathsig", "KILL"]  # the kernel kills the server when the test process ends
_RABBIT_BIN = pathlib.Path("/usr/lib/rabbitmq/bin")


class Server:
    """A program with a port and its state in `folder`; a restart finds that state."""

    name = ""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    def start(self):
        self.launch()
        until = time.monotonic() + _START_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{self.name} did not start:\n{self.text()[-3000:]}")
            time.sleep(0.05)

    def launch(self):
        """Starts it without waiting until it answers."""
        with open(self.log(), "ab") as log:
            self.process = subprocess.Popen([*_LEASH, *self.command()], cwd=self.folder, env=self.environment(),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def kill(self, number=signal.SIGKILL):
        self.signal(number)
        self.process.wait(timeout=60)

    def pause(self):
        self.signal(signal.SIGSTOP)
        # On a busy machine it takes a while to end.
        while pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "TZ":
            time.sleep(0.002)

    def resume(self):
        self.signal(signal.SIGCONT)

    def end(self):
        if self.process and self.process.poll() is None:
            self.resume()
            self.kill()

    def signal(self, number):
        """To the whole group: a server may consist of several processes."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def environment(self):
        return dict(os.environ)

    def log(self):
        return self.folder / f"{self.name}.log"

    def text(self):
        return self.log().read_text(errors="replace") if self.log().exists() else ""


class Redis(Server):
    name = "redis"

    def __init__(self, folder, password=""):
        super().__init__(folder)
        self.password = password

    @staticmethod
    def is_here():
        return shutil.which("redis-server") is not None

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
                "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no",
                *(["--requirepass", self.password] if self.password else [])]

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                s.settimeout(1)
                s.sendall(b"PING\r\n")
                return s.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


class RabbitMQ(Server):
    """A broker with its own name daemon (epmd) and Erlang cookie; epmd stops with it."""

    name = "rabbitmq"

    def __init__(self, folder):
        super().__init__(folder)
        self._epmd_port, self._distribution_port = free_port(), free_port()
        self._epmd = None
        (self.folder / "enabled_plugins").write_text("[].\n")

    @staticmethod
    def is_here():
        return (_RABBIT_BIN / "rabbitmq-server").exists()

    def command(self):
        return [str(_RABBIT_BIN / "rabbitmq-server")]

    def environment(self):
        return {**os.environ, "HOME": str(self.folder), "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_DIST_PORT": str(self._distribution_port), "ERL_EPMD_PORT": str(self._epmd_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
                "RABBITMQ_LOG_BASE": str(self.folder / "log"), "RABBITMQ_PID_FILE": str(self.folder / "pid"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
                # By default it starts one busy-waiting scheduler per core.
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"}

    def launch(self):
        # Started here, because an epmd that the broker starts would outlive it.
        if self._epmd is None or self._epmd.poll() is not None:
            epmd = shutil.which("epmd") or next(map(str, pathlib.Path("/usr/lib/erlang").glob("erts-*/bin/epmd")))
            self._epmd = subprocess.Popen([*_LEASH, epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
        super().launch()

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                s.settimeout(5)
                s.sendall(b"AMQP\x00\x00\x09\x01")
                return s.recv(1) == b"\x01"  # the frame of connection.start
        except OSError:
            return False

    def end(self):
        super().end()
        if self._epmd and self._epmd.poll() is None:
            self._epmd.kill()
            self._epmd.wait()


class MinIO(Server):
    """An S3 store. It has no buckets at first."""

    name = "minio"
    access_key, secret_key = "tidegate-tests", "a-secret-of-tests"

    @staticmethod
    def is_here():
        return minio.find() is not None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        return [minio.find(), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", str(self.folder / "data")]

    def environment(self):
        return {**os.environ, "HOME": str(self.folder), "MINIO_ROOT_USER": self.access_key, "MINIO_BROWSER": "off",
                "MINIO_ROOT_PASSWORD": self.secret_key, "MINIO_UPDATE": "off", "GOMAXPROCS": "2"}

    def answers(self):
        try:
            urllib.request.urlopen(self.url, timeout=2).close()
        except urllib.error.HTTPError as answer:
            # It reports ready before it serves S3 requests: wait until it refuses unknown credentials.
            return answer.code == 403
        except OSError:
            pass
        return False

    def settings(self, bucket="watermark"):
        """The API's environment for it."""
        return {"S3_ENDPOINT": self.url, "S3_BUCKET": bucket, "S3_ACCESS_KEY": self.access_key,
                "S3_SECRET_KEY": self.secret_key}

    def objects(self, bucket="watermark"):
        """The names of all objects, as they lie on the disk. A folder that vanishes meanwhile holds none."""
        root = self.folder / "data" / bucket
        return sorted(os.path.relpath(folder, root) for folder, _, files in os.walk(root) if "xl.meta" in files)
