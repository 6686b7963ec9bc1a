"""The demonstration as `make run` starts it, once for all tests of a run, on free ports and impatient."""
import atexit
import functools
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from photo import make_png  # noqa: E402
from programs import BIN, ROOT, Program, Stack, eventually, free_port, http  # noqa: E402

__all__ = ["BIN", "ROOT", "Program", "demonstration", "eventually", "free_port", "http"]

# So that nobody waits: jobs are tried again soon, and the breaker is open for a moment.
IMPATIENT = [("open_for: 30s", "open_for: 3s"), ("max_attempts: 5", "max_attempts: 2"), ("base: 1s", "base: 100ms")]


class Demonstration(Stack):
    def __init__(self, folder):
        super().__init__(folder, IMPATIENT)
        self.api.environment.update(FAULT_URL=self.urls["optimizer"] + "/fault", ADMIN_URL=self.urls["admin"])
        # As the folder of a checkout, in which a reader types.
        self.checkout = self.folder / "checkout"
        self.checkout.mkdir()
        (self.checkout / "var").mkdir()
        (self.checkout / "var/sample.png").write_bytes(make_png(96, 64))
        self.bin = self.checkout / "build/bin"
        self.bin.mkdir(parents=True)
        for program in BIN.resolve().iterdir():
            (self.bin / program.name).symlink_to(program)
        self.move_default_address()
        (self.checkout / "config").symlink_to(ROOT / "config")

    def move_default_address(self):
        """`tidegate jobs` and `healthcheck` ask 127.0.0.1:9901, which here is another's."""
        program = self.bin / "tidegate"
        program.unlink()
        real, admin = BIN.resolve() / "tidegate", self.urls["admin"].removeprefix("http://")
        program.write_text(f"""#!/bin/sh
export TIDEGATE_ADMIN={admin}
exec {real} "$@"
""")
        program.chmod(0o755)

    def at(self, text):
        """`text` with the ports of this one in place of the shipped ones."""
        for name, port in (("optimizer", 3001), ("proxy", 8081), ("admin", 9901), ("api", 8080)):
            text = text.replace(f"127.0.0.1:{port}", self.urls[name].removeprefix("http://"))
        return text

    def recover(self):
        """Healthy, closed, and with nothing left to do: as a page expects it."""
        http("POST", self.urls["optimizer"] + "/fault?mode=none")
        eventually("the breaker is closed and every job has ended", self.is_idle)

    def is_idle(self):
        status = http("GET", self.urls["admin"] + "/api/status").json()
        depth = status["queues"][0]["depth"]
        limits = http("GET", self.urls["admin"] + "/metrics").body.decode()
        open_jobs = depth["queued"] + depth["running"] + depth["retrying"]
        return (status["breakers"][0]["state"] == "closed" and open_jobs == 0
                and 'tidegate_bulkhead_in_use{bulkhead="optimizer"} 0' in limits)


@functools.lru_cache(maxsize=None)
def demonstration():
    folder = tempfile.mkdtemp(prefix="tidegate-docs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stack = Demonstration(folder)
    atexit.register(stack.stop)
    stack.start()
    return stack


def run(script, stack, timeout=60):
    """A script as a reader runs it. Its output, standard error included."""
    environment = {"PATH": f"{stack.bin}:/usr/local/bin:/usr/bin:/bin", "HOME": str(stack.folder), "USER": "reader",
                   "LANG": "C.UTF-8"}
    return subprocess.run(["bash", "-c", script], cwd=stack.checkout, env=environment, capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)
