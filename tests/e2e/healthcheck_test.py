"""`PROGRAM healthcheck` of the image service's programs, as a container runtime asks it."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import BIN, OPTIMIZER, Program, free_port, http

UNHEALTHY = 5


def ask(program, *arguments, environment=None):
    return subprocess.run([program, "healthcheck", *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})


class Healthcheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-health-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def start(self, name, arguments, environment=None):
        program = Program(name, arguments, self.folder / f"{name}.log", f"http://{self.address}/health", environment)
        program.start()
        self.addCleanup(program.stop)
        return program

    def test_the_optimizer_is_healthy_until_it_is_gone_or_plays_dead(self):
        self.assertEqual(ask(OPTIMIZER, "--address", self.address).returncode, UNHEALTHY)
        program = self.start("optimizer", [OPTIMIZER, "--listen", f"0.0.0.0:{self.port}", "--allow-faults"])
        for address in (self.address, f"0.0.0.0:{self.port}"):
            done = ask(OPTIMIZER, "--listen", address)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '{"status":"ok"}\n', ""))
        http("POST", f"http://{self.address}/fault?mode=down")
        self.assertEqual(ask(OPTIMIZER, "--address", self.address).returncode, UNHEALTHY)
        http("POST", f"http://{self.address}/fault?mode=none")
        self.assertEqual(program.stop(), 0)
        done = ask(OPTIMIZER, "--address", self.address)
        self.assertEqual((done.returncode, done.stdout), (UNHEALTHY, ""))
        self.assertIn(self.address, done.stderr)

    def test_the_api_is_queried_where_it_listens(self):
        environment = {"LISTEN": self.address, "STATE_DIR": str(self.folder / "api")}
        self.assertEqual(ask(BIN / "watermark-api", environment=environment).returncode, UNHEALTHY)
        self.start("api", [BIN / "watermark-api"], environment)
        self.assertEqual(ask(BIN / "watermark-api", environment=environment).returncode, 0)
        self.assertEqual(ask(BIN / "watermark-api", "--address", self.address).returncode, 0)

    def test_an_unknown_option_is_a_usage_error(self):
        for program in (OPTIMIZER, BIN / "watermark-api"):
            self.assertEqual(ask(program, "--admin", self.address).returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
