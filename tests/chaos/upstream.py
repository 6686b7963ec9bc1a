"""The scripted upstream: responds by its mode, and keeps a journal of all requests that it ran.

    healthy   the expected response            error, unavailable   502, 503 with Retry-After
    slow      the same, a moment later         hang                 no response in this mode
    cut       half a response, then a reset    closed               does not listen; connections are reset
"""
import asyncio
import time

import workload

MODES = ("healthy", "slow", "error", "unavailable", "hang", "cut", "closed")
_SLOW_S = 0.05


class Run:
    """A complete request: when it came, and how it ended."""

    __slots__ = ("at", "outcome")

    def __init__(self, at, outcome):
        self.at, self.outcome = at, outcome


class Upstream:
    def __init__(self, port):
        self.port = port
        self.mode = "healthy"
        self.poison_cured = False  # poisonous requests succeed too
        self.journal = {}   # number -> its runs
        self._server = None
        self.connections = set()

    async def set_mode(self, mode):
        self.mode = mode
        if mode == "closed":
            await self.close()
        elif not self._server:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self), "127.0.0.1", self.port, backlog=512)
        if mode != "hang":
            for connection in list(self.connections):
                connection.release()

    async def close(self):
        if not self._server:
            return
        self._server.close()
        self._server = None
        for connection in list(self.connections):
            connection.transport.abort()

    def runs_but(self, number):
        """Of all requests but this one."""
        return sum(len(runs) for of, runs in self.journal.items() if of != number)

    def run(self, target, field, body):
        """Records the request. Returns the bytes of the response, and whether the connection is cut after them."""
        outcome = self.mode
        assert outcome != "closed"
        if outcome in ("healthy", "slow") and target.startswith("/poison") and not self.poison_cured:
            outcome = "poison"
        self.journal.setdefault(workload.number_of(target), []).append(Run(time.monotonic(), outcome))
        if outcome == "hang":
            return None, True
        if outcome == "poison":
            return _failure(500, ""), False
        if outcome == "error":
            return _failure(502, ""), False
        if outcome == "unavailable":
            return _failure(503, "Retry-After: 1\r\n"), False
        whole = workload.response_to("POST", target, field, body).encode()
        return (whole[:len(whole) // 2], True) if outcome == "cut" else (whole, False)


def _failure(status, fields):
    return f"HTTP/1.1 {status} Chaos\r\n{fields}Content-Length: 6\r\n\r\nchaos\n".encode()


class _Connection(asyncio.Protocol):
    def __init__(self, upstream):
        self._upstream = upstream
        self._buffer = bytearray()
        self._needed = 0
        self._hangs = False

    def connection_made(self, transport):
        self.transport = transport
        self._upstream.connections.add(self)
        if self._upstream.mode == "closed":
            transport.abort()  # accepted just before

    def connection_lost(self, _):
        self._upstream.connections.discard(self)

    def release(self):
        """A request that hangs gets no response any more."""
        if self._hangs:
            self.transport.abort()

    def data_received(self, data):
        if self.transport.is_closing():
            return  # aborted, connection_lost() follows
        self._buffer += data
        while len(self._buffer) >= self._needed:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = self._buffer[:end].decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            self._needed = end + 4 + int(fields.get("content-length", 0))
            if len(self._buffer) < self._needed:
                return
            body = bytes(self._buffer[end + 4:self._needed])
            del self._buffer[:self._needed]
            self._needed = 0
            self._respond(lines[0].split(" ")[1], fields.get("x-chaos-field", ""), body)

    def _respond(self, target, field, body):
        response, ends = self._upstream.run(target, field, body)
        if response is None:
            self._hangs = True
        elif self._upstream.mode == "slow":
            asyncio.get_running_loop().call_later(_SLOW_S, self.transport.write, response)
        else:
            self.transport.write(response)
            if ends:
                # The half is sent before the reset, so that the peer receives it.
                asyncio.get_running_loop().call_later(0.005, self.transport.abort)
