"""Requests and the expected response to each: pure functions of the seed and of the request's bytes.

Only the number of a request is kept: its body is generated again when its response is checked.
"""
import hashlib
import random

# Share of requests that the upstream always answers with 500, until it is cured. Where they are left to the end, each
# prolongs the campaign by max_attempts seconds: Tidegate spreads a row of failing runs, one a second.
POISONOUS = 0.01
LARGE = 0.02      # share of requests whose bodies Tidegate keeps in a file (above 256 KiB)

_RNG = random.Random(20261124)
_BYTES = _RNG.randbytes(2 << 20)
_FIELD = "X-Chaos-Field"


class Request:
    def __init__(self, target, field, body, poisonous):
        self.target, self.field, self.body, self.poisonous = target, field, body, poisonous

    def encode(self):
        return (f"POST {self.target} HTTP/1.1\r\nHost: chaos.test\r\nContent-Type: application/octet-stream\r\n"
                f"{_FIELD}: {self.field}\r\nContent-Length: {len(self.body)}\r\n\r\n").encode() + self.body

    def response(self):
        return response_to("POST", self.target, self.field, self.body)


class Response:
    """The response of the healthy upstream: status, the fields that are compared, body."""

    def __init__(self, status, content_type, digest, body):
        self.status, self.content_type, self.digest, self.body = status, content_type, digest, body

    def encode(self):
        return (f"HTTP/1.1 {self.status} Chaos\r\nContent-Type: {self.content_type}\r\nX-Chaos-Digest: {self.digest}\r\n"
                f"Content-Length: {len(self.body)}\r\n\r\n").encode() + self.body


def request(seed, number):
    rng = random.Random(f"{seed}/{number}")
    poisonous = rng.random() < POISONOUS
    if rng.random() < LARGE:
        size = rng.randrange(200_000, 700_000)
    else:
        size = int(2 ** (rng.random() * 13)) - 1  # 0 to 8 KiB, small ones more often
    at = rng.randrange(len(_BYTES) - size)
    return Request(f"/{'poison' if poisonous else 'work'}?n={number}", f"{rng.getrandbits(64):x}",
                   _BYTES[at:at + size], poisonous)


def response_to(method, target, field, body):
    """A 4xx is a response like any other: the job succeeds with it."""
    digest = hashlib.sha256(f"{method} {target} {field}\n".encode() + body).hexdigest()
    number = int(digest[:12], 16)
    status = (200, 200, 200, 200, 201, 206, 404, 422)[number % 8]
    size = 300_000 + number % 100_000 if number % 64 == 1 else number // 8 % 2048
    at = number // 16384 % (len(_BYTES) - size)
    return Response(status, f"application/x-chaos-{number % 5}", digest, _BYTES[at:at + size])


def number_of(target):
    return int(target.partition("?n=")[2])
