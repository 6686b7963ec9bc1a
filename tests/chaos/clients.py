"""The load: clients that write down what they were promised.

Fate of a request       what it may become
  promised   202        a job: exactly one result or dead letter
  live       answered   no job, and no run of it later than the answer
  refused    answered   the same
  half       the client left before its body had ended: never run
  doubt      no answer: a job, or none
"""
import asyncio
import dataclasses
import json
import random
import time

import workload
from wire import Wire

_PATIENCE_S = 20
_HALF, _GONE = 0.01, 0.01  # of the requests: clients that vanish mid-upload, and while they wait


@dataclasses.dataclass(slots=True)
class Entry:
    fate: str = "doubt"
    job: str = ""
    at: float = 0.0  # when the answer had come


class Load:
    """Owns the ledger: number of the request -> Entry."""

    def __init__(self, seed, port, count):
        self.seed, self.port, self.count = seed, port, count
        self.ledger = {}
        self.refusals = {}       # reason -> how often
        self.wrong = []          # answers that are not the right ones
        self.stalled = 0         # waited for longer than anything may take
        self.pause_s = 0.01      # of each client between two requests
        self._chance = random.Random(f"{seed}/clients")
        self._next = 0
        self._tasks = []

    def start(self):
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self.count)]

    async def stop(self):
        """Lets each client finish what it has begun."""
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*tasks)

    async def abandon(self):
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self):
        wire = Wire(self.port)
        while self._tasks:
            await asyncio.sleep(self.pause_s * self._chance.random() * 2)
            try:
                await wire.connect()
            except OSError:
                await asyncio.sleep(0.005)
                continue
            self._next += 1
            number = self._next
            entry = self.ledger[number] = Entry()
            try:
                await asyncio.wait_for(self._one(wire, number, entry), _PATIENCE_S)
            except asyncio.TimeoutError:
                self.stalled += 1
                wire.close()
            except (OSError, EOFError):
                wire.close()
        wire.close()

    async def _one(self, wire, number, entry):
        request = workload.request(self.seed, number)
        data = request.wire()
        roll = self._chance.random()
        if roll < _HALF and request.body:
            entry.fate = "half"
            await wire.send(data[:-self._chance.randint(1, len(request.body))])
            await asyncio.sleep(self._chance.random() * 0.01)
            return wire.close()
        await wire.send(data)
        if roll > 1 - _GONE:
            await asyncio.sleep(self._chance.random() * 0.005)
            return wire.close()
        reply = await wire.reply()
        entry.at = time.monotonic()
        if "x-chaos-digest" in reply.fields:
            entry.fate = "live"
            self.compare(number, request, reply)
        elif reply.status == 202:
            entry.job = json.loads(reply.body)["job_id"]
            entry.fate = "promised"
            if reply.fields.get("location") != f"/_jobs/{entry.job}":
                self.wrong.append(f"request {number}: Location {reply.fields.get('location')}, job {entry.job}")
        else:
            entry.fate = "refused"
            reason = str(reply.status)
            if reply.fields.get("content-type") == "application/problem+json":
                reason = json.loads(reply.body)["reason"]
            self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def compare(self, number, request, reply):
        """Byte for byte against the one right answer."""
        right = request.answer()
        for name, is_so, should_be in (("status", reply.status, right.status), ("body", reply.body, right.body),
                                       ("digest", reply.fields.get("x-chaos-digest"), right.digest),
                                       ("type", reply.fields.get("content-type"), right.content_type)):
            if is_so != should_be:
                self.wrong.append(f"request {number}: its answer's {name} is {is_so!r:.100}, not {should_be!r:.100}")
