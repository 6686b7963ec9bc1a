"""The new process of a takeover, as far as a test wants it to go."""
import os
import socket
import struct

HELLO, REFUSED, PREPARED, RELEASED, OPENED, COMMIT, SERVING, WAIT = 1, 2, 5, 6, 7, 8, 9, 13


class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.given = []

    def send_hello(self):
        self.socket.send(b"i" + bytes([HELLO]) + b"tidegate-takeover-2")

    def hello(self):
        self.send_hello()
        kind = 0
        while kind != 4:  # the end of the sockets
            text, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 4)
            self.given += descriptors
            kind = text[1]

    def prepared(self, addresses, stores):
        def texts(items):
            return b"".join(struct.pack("<Q", len(text)) + text.encode() for text in items)
        counts = [struct.pack("<Q", len(items)) for items in (addresses, stores)]
        queues = [text for each in stores.items() for text in each]
        self.socket.send(b"i" + bytes([PREPARED]) + counts[0] + texts(addresses) + counts[1] + texts(queues))

    def opened(self):
        self.socket.send(b"i" + bytes([OPENED]))

    def serving(self):
        self.socket.send(b"i" + bytes([SERVING]))

    def await_kind(self, kind):
        while self.socket.recv(65536)[1] != kind:
            pass

    def close(self):
        self.socket.close()
        for descriptor in self.given:
            os.close(descriptor)
        self.given = []
