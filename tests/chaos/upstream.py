"""The scripted upstream: it is well, fails, hangs, is cut or is closed, as it is told, and keeps a journal of all it ran.

    well         the one right answer             error, unavailable   502, 503 with Retry-After
    slow         the same, a moment later         hang                 no answer while it lasts
    cut          half an answer, then a reset     closed               nobody listens; connections are reset
"""
import asyncio
import time

import workload

MODES = ("well", "slow", "error", "unavailable", "hang", "cut", "closed")
_SLOW_S = 0.05


class Run:
    """A whole request that came: when, and what became of it."""

    __slots__ = ("at", "outcome")

    def __init__(self, at, outcome):
        self.at, self.outcome = at, outcome


class Upstream:
    def __init__(self, port):
        self.port = port
        self.mode = "well"
        self.cured = False  # poison is answered like the rest
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

    def run(self, target, field, body):
        """Journals the request; the bytes to answer with, and whether the connection is cut after them."""
        outcome = self.mode
        assert outcome != "closed"
        if outcome in ("well", "slow") and target.startswith("/poison") and not self.cured:
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
        whole = workload.answer_to("POST", target, field, body).wire()
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
            transport.abort()  # it was accepted just before

    def connection_lost(self, _):
        self._upstream.connections.discard(self)

    def release(self):
        """What hung gets no answer any more."""
        if self._hangs:
            self.transport.abort()

    def data_received(self, data):
        if self.transport.is_closing():
            return  # aborted, and not yet told
        self._buffer += data
        while len(self._buffer) >= self._needed:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            self._needed = end + 4 + int(fields["content-length"])
            if len(self._buffer) < self._needed:
                return
            body = bytes(self._buffer[end + 4:self._needed])
            del self._buffer[:self._needed]
            self._needed = 0
            self._answer(head[0].split(" ")[1], fields.get("x-chaos-field", ""), body)

    def _answer(self, target, field, body):
        answer, ends = self._upstream.run(target, field, body)
        if answer is None:
            self._hangs = True
        elif self._upstream.mode == "slow":
            asyncio.get_running_loop().call_later(_SLOW_S, self.transport.write, answer)
        else:
            self.transport.write(answer)
            if ends:
                # What was written is on its way before the reset: the other side sees the half.
                asyncio.get_running_loop().call_later(0.005, self.transport.abort)
