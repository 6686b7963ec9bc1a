"""SIGTERM under load: every connection that was accepted gets its responses, whole. STOPS=100 is the campaign."""
import os
import random
import signal
import socket
import threading
import unittest

from programs import BIN, Program, WithOptimizer, eventually, free_port, http

STOPS = int(os.environ.get("STOPS", "3"))
CLIENTS = 8
REQUEST = b"GET /health HTTP/1.1\r\nHost: a.test\r\n\r\n"
CONFIG = """
workers: 2
admin: {{address: "127.0.0.1:{admin}"}}
log: {{access: off}}
upstreams: {{optimizer: {{endpoints: ["http://127.0.0.1:{upstream}"]}}}}
listeners:
  - {{name: web, address: "127.0.0.1:{web}", lame_duck: {lame_duck},
     routes: [{{name: all, match: {{path: "/*"}}, upstream: optimizer}}]}}
"""


class Refused(Exception):
    """Nobody listens any more."""


class Load:
    """Clients that send requests until nobody listens. A request that was sent and got no whole response has failed."""

    def __init__(self, port, pipelined, keep):
        self.port, self.pipelined, self.keep = port, pipelined, keep
        self.served, self.failures = [], []  # list.append is atomic
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), "a client hangs"

    def _run(self):
        try:
            while True:
                self._one_connection()
        except Refused:
            pass

    def _one_connection(self):
        with socket.socket() as client:
            client.settimeout(60)
            try:
                client.connect(("127.0.0.1", self.port))
            except ConnectionRefusedError as refused:
                raise Refused from refused
            except OSError as error:  # the kernel had completed the handshake, and the connection was dropped
                self.failures.append(f"connect: {error}")
                return
            stays = True
            while stays:
                stays = self._exchange(client) and self.keep

    def _exchange(self, client):
        """Whether the connection goes on. The server must respond to all that was sent at once."""
        received = b""
        try:
            client.sendall(REQUEST * self.pipelined)
            while received.count(b"\r\n\r\n") < self.pipelined or not received.endswith(b"}"):
                piece = client.recv(65536)
                if not piece:
                    raise ConnectionError("closed")
                received += piece
        except OSError as error:
            self.failures.append(f"{error} after {received!r}")
            return False
        if received.count(b"HTTP/1.1 200 ") != self.pipelined:
            self.failures.append(f"not 200: {received!r}")
        self.served.append(len(received))
        return b"Connection: close" not in received


class Drain(WithOptimizer):
    def start(self, lame_duck="0s"):
        ports = {"web": free_port(), "admin": free_port()}
        config = self.folder / f"{ports['web']}.yaml"
        config.write_text(CONFIG.format(upstream=self.upstream, lame_duck=lame_duck, **ports))
        self.admin = f"http://127.0.0.1:{ports['admin']}"
        self.tidegate = Program("tidegate", [BIN / "tidegate", "run", "-c", config], config.with_suffix(".log"),
                                self.admin + "/health")
        self.tidegate.start()
        self.addCleanup(self.tidegate.stop)
        return ports["web"]

    def stop_under(self, lame_duck="0s", pipelined=1, keep=True):
        load = Load(self.start(lame_duck), pipelined, keep)
        enough = random.randrange(20, 400)
        eventually("the load is on", lambda: len(load.served) >= enough)
        code = self.tidegate.kill(signal.SIGTERM)
        load.join()
        self.assertEqual((code, load.failures), (0, []), self.tidegate.text()[-2000:])

    def test_no_request_on_a_kept_connection_fails(self):
        for _ in range(STOPS):
            self.stop_under()

    def test_no_request_on_a_new_connection_fails(self):
        for _ in range(STOPS):
            self.stop_under(keep=False)

    def test_no_pipelined_request_fails(self):
        for _ in range(STOPS):
            self.stop_under(pipelined=5)

    def test_no_request_fails_around_a_lame_duck(self):
        for _ in range(STOPS):
            self.stop_under(lame_duck="300ms")

    def test_a_lame_duck_is_not_ready_and_serves_until_a_second_signal(self):
        port = self.start(lame_duck="1h")
        self.tidegate.process.send_signal(signal.SIGTERM)
        eventually("it is not ready", lambda: http("GET", self.admin + "/ready").status == 503)
        answer = http("GET", f"http://127.0.0.1:{port}/health")
        self.assertEqual((answer.status, answer.headers["Connection"]), (200, "close"))
        self.assertEqual(self.tidegate.kill(signal.SIGINT), 0)
        self.assertIn("stopped", self.tidegate.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
