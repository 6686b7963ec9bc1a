"""Requests, and the one right answer to each: pure functions of the seed and of the request's own bytes.

Nothing is remembered about a request but its number: its body is made again when its answer is to be checked.
"""
import hashlib
import random

POISONOUS = 0.02  # of the requests: the upstream answers 500 to them, always, until it is cured
LARGE = 0.02      # of the requests have bodies that Tidegate keeps in a file (above 256 KiB)

_CHANCE = random.Random(20261124)
_BYTES = _CHANCE.randbytes(2 << 20)
_FIELD = "X-Chaos-Field"


class Request:
    def __init__(self, target, field, body, poisonous):
        self.target, self.field, self.body, self.poisonous = target, field, body, poisonous

    def wire(self):
        return (f"POST {self.target} HTTP/1.1\r\nHost: chaos.test\r\nContent-Type: application/octet-stream\r\n"
                f"{_FIELD}: {self.field}\r\nContent-Length: {len(self.body)}\r\n\r\n").encode() + self.body

    def answer(self):
        return answer_to("POST", self.target, self.field, self.body)


class Answer:
    """What the upstream answers when it is well: status, the fields that are compared, body."""

    def __init__(self, status, content_type, digest, body):
        self.status, self.content_type, self.digest, self.body = status, content_type, digest, body

    def wire(self):
        return (f"HTTP/1.1 {self.status} Chaos\r\nContent-Type: {self.content_type}\r\nX-Chaos-Digest: {self.digest}\r\n"
                f"Content-Length: {len(self.body)}\r\n\r\n").encode() + self.body


def request(seed, number):
    chance = random.Random(f"{seed}/{number}")
    poisonous = chance.random() < POISONOUS
    if chance.random() < LARGE:
        size = chance.randrange(200_000, 700_000)
    else:
        size = int(2 ** (chance.random() * 13)) - 1  # 0 to 8 KiB, small ones more often
    at = chance.randrange(len(_BYTES) - size)
    return Request(f"/{'poison' if poisonous else 'work'}?n={number}", f"{chance.getrandbits(64):x}",
                   _BYTES[at:at + size], poisonous)


def answer_to(method, target, field, body):
    """A 4xx is an answer like any other: the job has succeeded with it."""
    digest = hashlib.sha256(f"{method} {target} {field}\n".encode() + body).hexdigest()
    number = int(digest[:12], 16)
    status = (200, 200, 200, 200, 201, 206, 404, 422)[number % 8]
    size = 300_000 + number % 100_000 if number % 64 == 1 else number // 8 % 2048
    at = number // 16384 % (len(_BYTES) - size)
    return Answer(status, f"application/x-chaos-{number % 5}", digest, _BYTES[at:at + size])


def number_of(target):
    return int(target.partition("?n=")[2])
