"""watermark-optimizer by itself, as an operator meets it: faults from the command line, the end, and what Prometheus is
told."""
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from photo import make_png
from programs import OPTIMIZER, Program, eventually, free_port, http

PHOTO = make_png(320, 200)


class Optimizer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-optimizer-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, *arguments):
        program = Program("optimizer", [OPTIMIZER, "--listen", f"127.0.0.1:{self.port}", *arguments],
                          self.folder / "optimizer.log", self.url + "/health")
        program.start()
        self.addCleanup(program.stop)
        return program

    def optimize(self, query="text=Tidegate"):
        return http("POST", f"{self.url}/optimize?{query}", PHOTO)

    def begin(self):
        """A request whose answer nobody has read yet."""
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        client.sendall(b"POST /optimize?text=a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(PHOTO) + PHOTO)
        return client

    def has_metric(self, line):
        return f"\n{line}\n" in "\n" + http("GET", self.url + "/metrics").body.decode()

    def test_faults_from_the_command_line_hold_from_the_first_request(self):
        for fault, status in (("none", 200), ("slow:1", 200), ("error", 503), ("error:418", 418)):
            program = self.start("--fault", fault)
            self.assertEqual(self.optimize().status, status)
            self.assertEqual(http("GET", self.url + "/fault").status, 404)
            self.assertEqual(program.stop(), 0)

    def test_down_resets_every_connection_even_of_those_who_ask_for_its_health(self):
        process = subprocess.Popen([OPTIMIZER, "--listen", f"127.0.0.1:{self.port}", "--fault", "down", "--allow-faults"],
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def fault():
            try:
                return http("GET", self.url + "/fault").json()
            except OSError:
                return None

        self.assertEqual(eventually("it says what is wrong with it", fault), {"mode": "down"})
        for path in ("/health", "/metrics", "/nothing"):
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                with self.assertRaises(ConnectionResetError):
                    self.assertNotEqual(client.recv(1), b"", "closed, not reset")
        http("POST", self.url + "/fault?mode=none")
        self.assertEqual(self.optimize().status, 200)

    def test_hanging_ends_with_the_client_and_with_the_program(self):
        program = self.start("--fault", "hang")
        impatient, patient = self.begin(), self.begin()
        eventually("both hang", lambda: self.has_metric("watermark_optimizer_requests_in_progress 2"))
        impatient.close()
        eventually("one has gone", lambda: self.has_metric('watermark_optimizer_requests_total{result="gone"} 1'))
        self.assertTrue(self.has_metric("watermark_optimizer_requests_in_progress 1"))
        self.assertEqual(program.stop(), 0)
        with self.assertRaises(ConnectionResetError):
            patient.recv(1)

    def test_a_wrong_fault_is_a_usage_error(self):
        for fault in ("fire", "slow:0", "error:200", "hang:1", ""):
            done = subprocess.run([OPTIMIZER, "--fault", fault], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--fault", done.stderr)

    def test_the_end_waits_for_what_runs(self):
        program = self.start("--fault", "slow:1500")
        client = self.begin()
        eventually("it is in progress", lambda: self.has_metric("watermark_optimizer_requests_in_progress 1"))
        self.assertEqual(program.kill(signal.SIGTERM), 0)
        self.assertTrue(client.recv(64).startswith(b"HTTP/1.1 200 "))
        self.assertIn('"event":"stopped"', program.text())

    def test_prometheus_finds_nothing_to_complain_of(self):
        if not shutil.which("promtool"):
            self.skipTest("skipped: no promtool (package prometheus)")
        self.start()
        self.assertEqual(self.optimize().status, 200)
        self.assertEqual(self.optimize("text=").status, 400)
        metrics = http("GET", self.url + "/metrics").body
        done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
