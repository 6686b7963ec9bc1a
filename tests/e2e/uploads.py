"""Uploads over a plain socket, cut and bent as a test likes, and what is left of them in the programs afterwards."""
import re
import socket
import urllib.parse

from programs import eventually, http

BOUNDARY = "tidegate-e2e-boundary"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def disposition(name, filename=None):
    line = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    return (line + (f'; filename="{filename}"' if filename is not None else "") + "\r\n").encode()


def part(name, data, filename=None):
    return disposition(name, filename) + b"\r\n" + data + b"\r\n"


def text_part(text=b"NWS"):
    return part("wm_text", text)


def form(image, text=b"NWS", position="bottom-right"):
    return (text_part(text) + part("wm_position", position.encode()) + part("image", image, "photo.png") +
            f"--{BOUNDARY}--\r\n".encode())


def request(body, content_type, fields=()):
    """Head and body as they go over the wire."""
    names = {name.lower() for name, _ in fields}
    lines = ["POST /upload HTTP/1.1", "Host: tidegate.test", *(f"{name}: {value}" for name, value in fields)]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if "transfer-encoding" in names:
        pieces = [body[at:at + 65536] for at in range(0, len(body), 65536)]
        body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
    elif "content-length" not in names:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status.split(" ")[1])
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def connect(url):
    address = urllib.parse.urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


def send(url, body, content_type, fields=(), whole=True):
    """One upload on a connection of its own. Not `whole`: the service may answer and close before it has all."""
    with connect(url) as client:
        try:
            client.sendall(request(body, content_type, [*fields, ("Connection", "close")]))
        except OSError:
            if whole:
                raise
        raw = b""
        try:
            while piece := client.recv(65536):
                raw += piece
        except ConnectionResetError:
            if whole or not raw:
                raise
        return Answer(raw)


class Left:
    """What uploads leave behind: objects, results in the cache, requests to the optimizer, memory."""

    def __init__(self, stack, objects=None):
        """`objects`: the names of all objects, where they do not lie in a folder."""
        self.stack = stack
        self.objects = objects or self.objects_in_folder

    def converted(self, image, kind):
        answer = http("POST", f"{self.stack.urls['optimizer']}/optimize?text=x&format={kind}", image)
        assert answer.status == 200, answer.body[:300]
        return answer.body

    def objects_in_folder(self):
        return sorted(str(file.relative_to(self.stack.folder)) for file in (self.stack.folder / "api").rglob("*")
                      if file.is_file())

    def gauges(self):
        """Of the API: flights, pictures in memory, the cache."""
        text = http("GET", self.stack.urls["api"] + "/metrics").body.decode()
        found = dict(re.findall(r"^(watermark_api_\w+) (\d+)$", text, re.MULTILINE))
        return {name: int(found["watermark_api_" + name]) for name in ("flights", "picture_bytes", "cache_bytes")}

    def work(self):
        """Requests that Tidegate has had, whatever became of them."""
        text = http("GET", self.stack.urls["admin"] + "/metrics").body.decode()
        return sum(map(float, re.findall(r"^tidegate_http_requests_total\{.*\} ([0-9.e+]+)", text, re.MULTILINE)))

    def jobs(self):
        text = http("GET", self.stack.urls["admin"] + "/metrics").body.decode()
        return re.findall(r"^tidegate_jobs\{.*\} [1-9].*$", text, re.MULTILINE)

    def state(self):
        gauges = self.gauges()
        return {"objects": self.objects(), "cache_bytes": gauges["cache_bytes"], "flights": gauges["flights"],
                "picture_bytes": gauges["picture_bytes"], "work": self.work(), "jobs": self.jobs()}

    def remember(self):
        self.before = self.state()

    def remember_work(self):
        self.before["work"] = self.work()

    def check(self, test):
        """Everything is as it was remembered, soon: what is cleaned up after an answer needs its moment."""
        try:
            eventually("nothing is left", lambda: self.state() == self.before, seconds=15)
        except AssertionError:
            test.assertEqual(self.state(), self.before)
