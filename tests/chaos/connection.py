"""A minimal HTTP/1.1 client connection."""
import asyncio


class Response:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body


class Connection:
    """Keeps its connection from one request to the next. OSError or EOFError: there was no response."""

    def __init__(self, port):
        self._port = port
        self._reader = self._writer = None

    async def connect(self):
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)

    async def send(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def response(self):
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = await self._reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection", "").lower() == "close":
            self.close()
        return Response(int(lines[0].split(" ")[1]), fields, body)

    async def query(self, method, target):
        await self.connect()
        await self.send(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return await self.response()

    def close(self):
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


async def query(port, method, target, seconds=5):
    """One request on a connection of its own; None: no response."""
    connection = Connection(port)
    try:
        return await asyncio.wait_for(connection.query(method, target), seconds)
    except (OSError, EOFError, asyncio.TimeoutError):
        return None
    finally:
        connection.close()
