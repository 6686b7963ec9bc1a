"""Uploads that go on while servers die, each with its verdict: an image, a promise that is kept, or an honest refusal.

 answer      what it must be
 200         an image, of the type that was asked for
 202         a key whose status comes to "done", and whose image can then be had
 429, 503    problem+json with a reason, and a Retry-After of at least a second
 any other   a broken word, and so is no answer
"""
import collections
import itertools
import threading
import time

from programs import http, upload

_HONEST = (429, 503)
_PATIENCE_S = 180


class Uploads:
    """Clients that upload one picture with ever another text. `end` stops them and gives back what was wrong."""

    def __init__(self, url, photo, name, clients=4, pause_s=0.05):
        self.url, self.photo, self.name, self.pause_s = url, photo, name, pause_s
        self.counts = collections.Counter()
        self.promised = {}  # key -> text
        self.wrong = []
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def _client(self):
        while not self._over.wait(self.pause_s):
            text = f"{self.name} {next(self._numbers)}"
            try:
                answer = upload(self.url, self.photo, text)
            except OSError as error:
                with self._lock:
                    self.wrong.append(f"{text}: no answer: {error!r}")
                continue
            with self._lock:
                self._judge(text, answer)

    def _judge(self, text, answer):
        kind = answer.headers.get("X-Cache", "") if answer.status == 200 else ""
        self.counts[f"{answer.status} {kind}".strip()] += 1
        if answer.status == 200 and answer.body[:4] == b"\x89PNG":
            return
        if answer.status == 202:
            self.promised[answer.json()["key"]] = text
        elif answer.status in _HONEST:
            reason = answer.json().get("reason")
            self.counts[f"  {reason}"] += 1
            if not reason or int(answer.headers.get("Retry-After", "0")) < 1:
                self.wrong.append(f"{text}: {answer.status} without its reason or Retry-After: {answer.body[:200]}")
        else:
            self.wrong.append(f"{text}: {answer.status} {answer.body[:200]}")

    def count(self):
        return sum(number for word, number in self.counts.items() if not word.startswith(" "))

    def await_more(self, number):
        """Until so many more have their answer."""
        until, wanted = time.monotonic() + _PATIENCE_S, self.count() + number
        while self.count() < wanted:
            assert time.monotonic() < until, f"only {self.count()} of {wanted} answers; wrong so far: {self.wrong[:5]}"
            time.sleep(0.02)

    def end(self):
        """Stops the clients, waits for every promise, and returns what was wrong."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        until = time.monotonic() + _PATIENCE_S
        for key, text in self.promised.items():
            self._await_image(key, text, until)
        return self.wrong

    def _await_image(self, key, text, until):
        last = None
        while time.monotonic() < until:
            last = http("GET", f"{self.url}/status/{key}")
            word = last.json().get("status") if last.status == 200 else None
            if word == "done":
                image = http("GET", f"{self.url}/images/{key}")
                if image.status == 200 and image.body[:4] == b"\x89PNG":
                    return
                last = image
            elif word == "failed":
                break
            time.sleep(0.1)
        self.wrong.append(f"{text}: promised, and came to {last.status} {last.body[:300]}")
