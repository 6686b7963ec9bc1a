"""Clients that are slow on purpose: they send or read one byte a second, or never end the request that they have begun."""
import selectors
import socket
import struct
import threading
import urllib.parse

PACE_S = 1  # what makes them slow
_SMALL_BUFFER = 2048  # what is not read soon fills it
_PATIENCE_S = 180  # only ends a broken run


def post(path, length, body=b"", client=None, content_type="image/png"):
    """A request of `length` bytes, of which `body` is there, from the client whom a trusted proxy names."""
    lines = [f"POST {path} HTTP/1.1", "Host: tidegate.test", f"Content-Type: {content_type}", f"Content-Length: {length}"]
    lines += [f"X-Forwarded-For: {client}"] if client else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def connect(url, receive_buffer=None):
    address = urllib.parse.urlsplit(url)
    connection = socket.socket()
    connection.settimeout(_PATIENCE_S)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)  # before the window is announced
    connection.connect((address.hostname, address.port))
    return connection


def vanish(connection):
    """Ends it by a reset, as a lost machine's peer would see it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class SlowClient:
    """Sends `wire` at once. A reader then reads its response byte by byte; a poster goes on sending byte by byte."""

    def __init__(self, url, wire, reads=False):
        self.url, self.wire, self.reads = url, wire, reads
        self.received = b""
        self.connection = connect(url, _SMALL_BUFFER)
        self.connection.sendall(wire)
        self.connection.setblocking(False)

    def step(self):
        """One byte. False: the other side has ended it."""
        try:
            if not self.reads:
                self.connection.send(b"x")
            byte = self.connection.recv(1 if self.reads else 4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.received += byte
        return bool(byte) and self.reads

    def read_on(self):
        """The whole response, at full speed. A response without a Content-Length ends with the connection."""
        self.connection.settimeout(_PATIENCE_S)
        while b"\r\n\r\n" not in self.received:
            self.received += self._piece()
        head, _, body = self.received.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while len(body) < lengths[0]:
            body += self._piece()
        return head, body

    def _piece(self):
        piece = self.connection.recv(65536)
        assert piece, f"the response ended after {len(self.received)} bytes or more"
        return piece


class Crowd:
    """Slow clients on a thread of their own, all with one byte a second. Who is disconnected begins again, if it may."""

    def __init__(self, make_client, count, again=True):
        self._make_client, self._again = make_client, again
        self.clients = [make_client(number) for number in range(count)]
        self.ends = []  # what those got that were disconnected
        self._steps, self._stepped = 0, threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        """All go, every other one without a word."""
        self._over.set()
        self._thread.join()
        for number, client in enumerate(self.clients):
            vanish(client.connection) if number % 2 else client.connection.close()

    def _run(self):
        while not self._over.wait(PACE_S):
            self.clients = [client for client in map(self._step, self.clients) if client]
            with self._stepped:
                self._steps += 1
                self._stepped.notify_all()

    def _step(self, client):
        if client.step():
            return client
        self.ends.append(client.received)
        client.connection.close()
        return self._make_client(len(self.ends)) if self._again else None

    def wait_for_byte(self):
        with self._stepped:
            seen = self._steps
            assert self._stepped.wait_for(lambda: self._steps > seen, _PATIENCE_S), "the slow clients have stopped"


def send_to_all(connections, piece):
    """One loop in which each connection takes the whole piece. Returns how many were ended by the other side."""
    refused = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_WRITE, [memoryview(piece)])
        while selector.get_map():
            ready = selector.select(_PATIENCE_S)
            assert ready, f"{len(selector.get_map())} connections take nothing more"
            for key, _ in ready:
                left = key.data
                try:
                    left[0] = left[0][key.fileobj.send(left[0]):]
                except BlockingIOError:
                    continue
                except OSError:
                    refused += 1
                    left[0] = b""
                if not left[0]:
                    selector.unregister(key.fileobj)
    return refused
