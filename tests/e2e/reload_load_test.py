"""Reloads under load, every fifth of them invalid: nothing fails, nothing is lost and nothing is left behind. RELOADS=1000 makes
it a campaign."""
import asyncio
import collections
import http.client
import json
import os
import threading
import unittest
from pathlib import Path

from programs import eventually, free_port, http as request
from reloading import CONFIG, LISTENER, ROUTE, Reloading

try:
    import websockets
except ImportError:
    websockets = None

RELOADS = int(os.environ.get("RELOADS", "200"))
CLIENTS = 3
UPLOAD = b"x" * 100_000
SOCKETS = 'sockets: {{endpoints: ["http://127.0.0.1:{}"]}}'
TUNNEL = '      - {name: tunnel, match: {path: /tunnel}, upstream: sockets}\n'


async def echo(socket, _path=None):
    async for message in socket:
        await socket.send(message)


class Load(Reloading):
    def setUp(self):
        super().setUp()
        if not websockets:
            self.skipTest("python3-websockets is not installed")
        port = free_port()
        self.tunnels = []  # answers of each that has ended
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.addCleanup(self.loop.call_soon_threadsafe, self.loop.stop)
        self.run_on_loop(self.serve_sockets(port)).result(30)
        self.write(upstreams="  " + SOCKETS.format(port), routes=TUNNEL)
        self.assertEqual(self.reload()[0], 200)

    def run_on_loop(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    async def serve_sockets(self, port):
        self.server = await websockets.serve(echo, "127.0.0.1", port, ping_interval=None)

    async def talk(self, until):
        """One tunnel: each message comes back, until it is told to stop; then it closes in order."""
        url = f"ws://127.0.0.1:{self.values['proxy']}/tunnel"
        async with websockets.connect(url, ping_interval=None, open_timeout=60) as socket:
            sent = 0
            while not until():
                await socket.send(f"message {sent}")
                assert await asyncio.wait_for(socket.recv(), 60) == f"message {sent}"
                sent += 1
                await asyncio.sleep(0.02)
        assert socket.close_code == 1000, socket.close_code
        return sent

    def keep_tunnel(self, stop, answers, _jobs):
        """One that lives through all reloads."""
        self.use_tunnel(stop.is_set, answers)

    def open_tunnels(self, stop, answers, _jobs):
        """One after the other, each for a few messages."""
        while not stop.is_set():
            left = iter(range(5))
            self.use_tunnel(lambda: next(left, None) is None, answers)

    def use_tunnel(self, until, answers):
        try:
            self.tunnels.append(self.run_on_loop(self.talk(until)).result(600))
        except Exception as error:  # of any kind: it goes among the answers, where it is seen
            answers.append(repr(error))

    def send_requests(self, stop, answers, jobs):
        """GETs, uploads and jobs in turn, until it is told to stop."""
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

    def clients(self):
        """What runs meanwhile: each is called with an event that ends it, and lists for answers and ids of jobs."""
        return [self.send_requests] * CLIENTS + [self.keep_tunnel] * 2 + [self.open_tunnels]

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
                   routes=TUNNEL + (ROUTE.format(number) if number % 3 == 0 else ""),
                   listeners=LISTENER.format(second) if number % 4 < 2 else "")
        status, report = self.reload()
        self.assertEqual(status, 200, report)

    def test_under_load_nothing_fails_nothing_is_lost_and_nothing_is_left(self):
        stop, answers, jobs, second = threading.Event(), [], [], free_port()
        threads = [threading.Thread(target=client, args=(stop, answers, jobs)) for client in self.clients()]
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
        self.assertGreater(len(self.tunnels), 3)
        for job in jobs:
            eventually(f"job {job} has succeeded",
                       lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")
        self.assertLess(after[0] - before[0], 20_000, "KiB of memory")
        eventually("the descriptors are as before", lambda: self.resources()[1] <= before[1] + 5)
        self.assertEqual(self.program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
