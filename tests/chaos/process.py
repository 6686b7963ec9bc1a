"""Runs of Tidegate on the same store: started, killed, stopped."""
import asyncio
import json
import pathlib
import signal
import subprocess
import time

from connection import query

HERE = pathlib.Path(__file__).resolve().parent
# A process ends with this one, however that ends.
PARENT_BOUND = ["setpriv", "--pdeathsig", "KILL"]
_READY_S = 30
_END_S = 30


class CampaignFailed(Exception):
    """Ends the campaign."""


class Tidegate:
    def __init__(self, binary, folder, values):
        self.listen, self.admin = values["LISTEN"], values["ADMIN"]
        text = (HERE / "tidegate.yaml").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        self._config = folder / "tidegate.yaml"
        self._config.write_text(text)
        self._log = folder / "tidegate.log"
        self._command = [*PARENT_BOUND, str(binary), "run", "-c", str(self._config)]
        self._process = None
        self.opened_ms = []  # from the start of the process until it is ready

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        self._begun = time.monotonic()
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def ready(self, seconds=_READY_S):
        """Waits until it is ready; False: not in time."""
        until = self._begun + seconds
        while time.monotonic() < until:
            response = await query(self.admin, "GET", "/ready", 2)
            if response and response.status == 200:
                self.opened_ms.append((time.monotonic() - self._begun) * 1000)
                return True
            self.check_alive()
            await asyncio.sleep(0.003)
        return False

    def check_alive(self):
        if self._process.poll() is not None:
            raise CampaignFailed(f"tidegate exited with status {self._process.returncode}: {self.last_lines()}")

    def kill(self):
        self.check_alive()
        self._process.kill()
        self._process.wait()

    async def end(self):
        """Sends SIGTERM and waits for status 0."""
        self.check_alive()
        self._process.send_signal(signal.SIGTERM)
        until = time.monotonic() + _END_S
        while self._process.poll() is None:
            if time.monotonic() > until:
                raise CampaignFailed(f"tidegate did not exit within {_END_S} s of SIGTERM: {self.last_lines()}")
            await asyncio.sleep(0.01)
        if self._process.returncode != 0:
            raise CampaignFailed(f"after SIGTERM tidegate exited with {self._process.returncode}: {self.last_lines()}")

    async def depth(self):
        """Jobs by status; None: no response."""
        response = await query(self.admin, "GET", "/api/status")
        return json.loads(response.body)["queues"][0]["depth"] if response and response.status == 200 else None

    def stop(self):
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_lines(self):
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:]) if self._log.exists() else ""
