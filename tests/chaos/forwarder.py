"""A TCP forwarder between Tidegate and its broker that can be cut or made to stall.

    passing ──cut──▶ refuses and resets          passing ──stall──▶ connections stay open, no byte passes
"""
import asyncio
import contextlib


class Forwarder:
    def __init__(self, port, target_port):
        self.port, self._target_port = port, target_port
        self._server = None
        self._writers = set()
        self._passing = asyncio.Event()
        self._passing.set()

    async def start(self):
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def cut(self):
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    def stall(self):
        self._passing.clear()

    async def recover(self):
        self._passing.set()
        await self.start()

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        copies = [asyncio.create_task(self._copy(reader, far_writer)), asyncio.create_task(self._copy(far_reader, writer))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # the campaign is over
        self._writers -= ends
        for copy in copies:
            copy.cancel()
        for end in ends:
            end.transport.abort()

    async def _copy(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
