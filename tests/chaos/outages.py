"""What befalls the broker: it is killed, stopped, restarted, cut off, or swallows what is sent to it."""
import asyncio
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from servers import RabbitMQ, Redis  # noqa: E402

from forwarder import Forwarder  # noqa: E402

KINDS = ("killed", "restarted", "stopped", "cut off", "swallowed")
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
            self.forwarder.swallow() if kind == "swallowed" else await self.forwarder.cut()
            await asyncio.sleep(seconds)
            await self.forwarder.heal()

    async def stop(self):
        await self.forwarder.cut()
        await asyncio.to_thread(self.server.end)
