"""The load: clients that record the outcome of each request.

outcome    what the request may become
  accepted   202                                    a job with exactly one result or dead letter
  live       the upstream's response                no job, and no run after the response
  refused    another response                       no job, and no run after the response
  partial    the client left within its body        never run
  unknown    no response                            a job, or none
"""
import asyncio
import dataclasses
import json
import random
import time

import workload
from connection import Connection

_RESPONSE_TIMEOUT_S = 20
_PARTIAL, _GONE = 0.01, 0.01  # shares of clients that disconnect within the body, and while they wait


@dataclasses.dataclass(slots=True)
class Entry:
    outcome: str = "unknown"
    job: str = ""
    at: float = 0.0  # of the response


class Load:
    """Owns the ledger: number of the request -> Entry."""

    def __init__(self, seed, port, count):
        self.seed, self.port, self.count = seed, port, count
        self.ledger = {}
        self.refusals = {}       # reason -> how often
        self.wrong = []          # responses other than the expected one
        self.stalled = 0         # requests without a response in time
        self.pause_s = 0.01      # of each client between two requests
        self._random = random.Random(f"{seed}/clients")
        self._next = 0
        self._tasks = []

    def start(self):
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self.count)]

    async def stop(self):
        """Lets each client finish its request."""
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*tasks)

    async def abandon(self):
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self):
        connection = Connection(self.port)
        while self._tasks:
            await asyncio.sleep(self.pause_s * self._random.random() * 2)
            try:
                await connection.connect()
            except OSError:
                await asyncio.sleep(0.005)
                continue
            self._next += 1
            number = self._next
            entry = self.ledger[number] = Entry()
            try:
                await asyncio.wait_for(self._one(connection, number, entry), _RESPONSE_TIMEOUT_S)
            except asyncio.TimeoutError:
                self.stalled += 1
                connection.close()
            except (OSError, EOFError):
                connection.close()
        connection.close()

    async def _one(self, connection, number, entry):
        request = workload.request(self.seed, number)
        data = request.encode()
        roll = self._random.random()
        if roll < _PARTIAL and request.body:
            entry.outcome = "partial"
            await connection.send(data[:-self._random.randint(1, len(request.body))])
            await asyncio.sleep(self._random.random() * 0.01)
            return connection.close()
        await connection.send(data)
        if roll > 1 - _GONE:
            await asyncio.sleep(self._random.random() * 0.005)
            return connection.close()
        response = await connection.response()
        entry.at = time.monotonic()
        if "x-chaos-digest" in response.fields:
            entry.outcome = "live"
            self.compare(number, request, response)
        elif response.status == 202:
            entry.job = json.loads(response.body)["job_id"]
            entry.outcome = "accepted"
            if response.fields.get("location") != f"/_jobs/{entry.job}":
                self.wrong.append(f"request {number}: Location {response.fields.get('location')}, job {entry.job}")
        else:
            entry.outcome = "refused"
            reason = str(response.status)
            if response.fields.get("content-type") == "application/problem+json":
                reason = json.loads(response.body)["reason"]
            self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def compare(self, number, request, response):
        """Byte for byte against the expected response."""
        expected = request.response()
        for name, actual, wanted in (("status", response.status, expected.status),
                                     ("body", response.body, expected.body),
                                     ("digest", response.fields.get("x-chaos-digest"), expected.digest),
                                     ("type", response.fields.get("content-type"), expected.content_type)):
            if actual != wanted:
                self.wrong.append(f"request {number}: the response has {name} {actual!r:.100}, not {wanted!r:.100}")
