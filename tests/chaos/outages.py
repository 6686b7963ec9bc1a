"""Outages of the broker: killed, restarted, stopped, cut off, stalled."""
import asyncio
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from servers import RabbitMQ, Redis  # noqa: E402

from forwarder import Forwarder  # noqa: E402

KINDS = ("killed", "restarted", "stopped", "cut off", "stalled")
SERVERS = {"redis": Redis, "amqp": RabbitMQ}


class Broker:
    """The server and the forwarder through which Tidegate reaches it."""

    def __init__(self, backend, folder, port):
        self.server = SERVERS[backend](folder)
        self.forwarder = Forwarder(port, self.server.port)
        self.outages = dict.fromkeys(KINDS, 0)

    async def start(self):
        await asyncio.to_thread(self.server.start)
        await self.forwarder.start()

    async def outage(self, kind, seconds):
        self.outages[kind] += 1
        if kind in ("killed", "restarted"):
            number = signal.SIGKILL if kind == "killed" else signal.SIGTERM
            await asyncio.to_thread(self.server.kill, number)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.server.start)
        elif kind == "stopped":
            self.server.pause()
            await asyncio.sleep(seconds)
            self.server.resume()
        else:
            self.forwarder.stall() if kind == "stalled" else await self.forwarder.cut()
            await asyncio.sleep(seconds)
            await self.forwarder.recover()

    async def stop(self):
        await self.forwarder.cut()
        await asyncio.to_thread(self.server.end)
