"""WebSockets through the real program, between a client and a server that are not ours: over plain and TLS listeners, to plain
and TLS upstreams, through a reload, and to the end of the process."""
import asyncio
import os
import signal
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from programs import BIN, Program, eventually, events, free_port, http

try:
    import websockets
except ImportError:
    websockets = None

TUNNELS = 40
GRACE_S = 2
ROUTES = """
      - {{name: plain{0}, match: {{path: "/plain*"}}, upstream: plain, timeout: {{total: 2s}}}}
      - {{name: secure{0}, match: {{path: "/secure*"}}, upstream: secure, timeout: {{total: 2s}}}}
      - {{name: never{0}, match: {{path: "/never"}}, upstream: plain, upgrades: []}}"""
CONFIG = """
workers: 2
shutdown_grace: {grace}s
log: {{access: all, format: json}}
admin: {{address: "127.0.0.1:{admin}"}}
upstreams:
  plain: {{endpoints: ["http://127.0.0.1:{ws}"]}}
  secure: {{endpoints: ["https://127.0.0.1:{wss}"], tls: {{ca_file: "{cert}"}}}}
listeners:
  - name: plain
    address: "127.0.0.1:{http}"
    routes: {routes_of_http}
  - name: secure
    address: "127.0.0.1:{https}"
    tls: {{cert_file: "{cert}", key_file: "{key}"}}
    routes: {routes_of_https}
"""


class Servers:
    """Echoes what it gets; `close` makes it close with a code of its own. In a thread with an event loop of its own."""

    def __init__(self, context):
        self.loop = asyncio.new_event_loop()
        self.ports = {"ws": free_port(), "wss": free_port()}
        self.opened = 0
        self.closed = []  # codes
        thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        thread.start()
        asyncio.run_coroutine_threadsafe(self._start(context), self.loop).result(30)

    async def _start(self, context):
        options = {"compression": None, "max_size": 1 << 24, "ping_interval": None}
        self.servers = [await websockets.serve(self._serve, "127.0.0.1", self.ports["ws"], **options),
                        await websockets.serve(self._serve, "127.0.0.1", self.ports["wss"], ssl=context, **options)]

    async def _serve(self, socket, _path=None):
        self.opened += 1
        try:
            async for message in socket:
                if message == "close":
                    await socket.close(4321, "as you wish")
                else:
                    await socket.send(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.closed.append(socket.close_code)

    def stop(self):
        async def close():
            for server in self.servers:
                server.close()
                await server.wait_closed()
        asyncio.run_coroutine_threadsafe(close(), self.loop).result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)


@unittest.skipUnless(websockets, "python3-websockets is not installed")
class WebSockets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(cert, key)
        self.trust = ssl.create_default_context(cafile=str(cert))
        self.servers = Servers(server_side)
        self.addCleanup(self.servers.stop)
        self.ports = {name: free_port() for name in ("http", "https", "admin")}
        self.config = self.folder / "tidegate.yaml"
        self.write_config()
        self.admin = f"http://127.0.0.1:{self.ports['admin']}"
        self.tidegate = Program("tidegate", [BIN / "tidegate", "run", "-c", self.config], self.folder / "tidegate.log",
                                self.admin + "/health", {"TIDEGATE_STATE_DIR": str(self.folder)})
        self.tidegate.start()
        self.addCleanup(self.tidegate.stop)

    def write_config(self, change=lambda text: text):
        values = {"cert": self.folder / "cert.pem", "key": self.folder / "key.pem", "grace": GRACE_S,
                  "routes_of_http": ROUTES.format(""), "routes_of_https": ROUTES.format("-tls")}
        self.config.write_text(change(CONFIG.format(**self.ports, **self.servers.ports, **values)))

    def connect(self, path, secure=False):
        options = {"compression": None, "max_size": 1 << 24, "ping_interval": None, "open_timeout": 30}
        if secure:
            return websockets.connect(f"wss://127.0.0.1:{self.ports['https']}{path}", ssl=self.trust, **options)
        return websockets.connect(f"ws://127.0.0.1:{self.ports['http']}{path}", **options)

    def open_tunnels(self):
        text = http("GET", self.admin + "/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("tidegate_tunnels_open{"))

    def logged(self):
        """The lines of the access log about tunnels, as they are so far."""
        return [line for line in events(self.tidegate.text(), "request") if line["upgrade"]]

    def test_messages_pings_and_closing_codes_go_both_ways_over_plain_and_tls(self):
        messages = ["", "hello", "\u00a9" * 70_000, os.urandom(3), os.urandom(1_000_000)]

        async def talk(path, secure):
            async with self.connect(path, secure) as socket:
                for message in messages:
                    await socket.send(message)
                for message in messages:
                    self.assertEqual(await socket.recv(), message)
                await asyncio.wait_for(await socket.ping(), 30)
                await asyncio.sleep(0 if secure else 2.5)  # timeout.total is over: it holds for the 101 alone
                await socket.send("still")
                self.assertEqual(await socket.recv(), "still")
                await socket.close(4000, "done")
            async with self.connect(path, secure) as socket:
                await socket.send("close")
                with self.assertRaises(websockets.ConnectionClosed) as closed:
                    await socket.recv()
                self.assertEqual((closed.exception.rcvd.code, closed.exception.rcvd.reason), (4321, "as you wish"))

        async def all_ways():
            await asyncio.gather(*(talk(path, secure) for path in ("/plain", "/secure") for secure in (False, True)))

        asyncio.run(all_ways())
        eventually("both ends of each are closed", lambda: len(self.servers.closed) == 8)
        self.assertEqual(sorted(self.servers.closed), [4000] * 4 + [4321] * 4)
        eventually("all are counted", lambda: self.open_tunnels() == 0 and len(self.logged()) == 8)
        for line in self.logged():
            self.assertEqual((line["outcome"], line["code"], line["upgrade"]), ("proxied", 101, "websocket"), line)

    def test_many_at_once_are_counted_and_a_route_without_upgrades_has_none(self):
        async def all_at_once():
            sockets = await asyncio.gather(*(self.connect("/plain") for _ in range(TUNNELS)))
            self.assertEqual(self.open_tunnels(), TUNNELS)
            for number in range(20):
                await asyncio.gather(*(socket.send(f"{index}:{number}") for index, socket in enumerate(sockets)))
            for number in range(20):
                received = await asyncio.gather(*(socket.recv() for socket in sockets))
                self.assertEqual(received, [f"{index}:{number}" for index in range(TUNNELS)])
            await asyncio.gather(*(socket.close() for socket in sockets))
            with self.assertRaises(websockets.InvalidStatusCode) as refused:
                async with self.connect("/never"):
                    pass
            self.assertEqual(refused.exception.status_code, 426)  # of the server, to a request that asks for nothing

        asyncio.run(all_at_once())
        eventually("none is left", lambda: self.open_tunnels() == 0)

    def test_a_reload_leaves_open_tunnels_alone_and_holds_for_new_ones(self):
        async def through_reloads():
            async with self.connect("/plain") as first, self.connect("/secure", True) as second:
                for number in range(10):
                    self.write_config(lambda text: text.replace("upgrades: []", f"timeout: {{total: {number + 1}s}}"))
                    reloaded = http("POST", self.admin + "/api/reload", b"")
                    self.assertEqual(reloaded.status, 200, reloaded.body)
                    for socket in (first, second):
                        await socket.send(f"after {number}")
                        self.assertEqual(await socket.recv(), f"after {number}")
                async with self.connect("/never") as third:
                    await third.send("allowed now")
                    self.assertEqual(await third.recv(), "allowed now")

        asyncio.run(through_reloads())
        eventually("all are counted", lambda: self.open_tunnels() == 0)

    def test_a_process_that_stops_serves_its_tunnels_for_shutdown_grace_takes_none_then_cuts_them(self):
        async def to_the_end():
            async with self.connect("/plain") as stays, self.connect("/plain") as leaves:
                self.tidegate.process.send_signal(signal.SIGTERM)
                eventually("it drains", lambda: '"draining"' in self.tidegate.text())
                for socket in (stays, leaves):
                    await socket.send("still")
                    self.assertEqual(await socket.recv(), "still")
                await leaves.close()
                with self.assertRaises(websockets.ConnectionClosedError):
                    await asyncio.wait_for(stays.recv(), 60)

        asyncio.run(to_the_end())
        self.assertEqual(self.tidegate.process.wait(timeout=60), 0)
        self.assertEqual(sorted(line["outcome"] for line in self.logged()), ["draining", "proxied"])

    def test_a_process_that_stops_ends_with_its_last_tunnel(self):
        self.write_config(lambda text: text.replace(f"shutdown_grace: {GRACE_S}s", "shutdown_grace: 10m"))
        self.assertEqual(http("POST", self.admin + "/api/reload", b"").status, 200)

        async def to_the_end():
            async with self.connect("/secure", True) as socket:
                self.tidegate.process.send_signal(signal.SIGTERM)
                eventually("it drains", lambda: '"draining"' in self.tidegate.text())
                await socket.send("still")
                self.assertEqual(await socket.recv(), "still")

        asyncio.run(to_the_end())
        self.assertEqual(self.tidegate.process.wait(timeout=60), 0)
        self.assertEqual([line["outcome"] for line in self.logged()], ["proxied"])


if __name__ == "__main__":
    unittest.main()
