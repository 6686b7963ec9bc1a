"""Settles the account when all has been drained: asks for every job that was promised, and reads the journal."""
import asyncio
import json

import workload
from wire import Wire

_ASKERS = 16
_ANSWER_S = 20
_LATE_S = 1.0  # a run is later than the answer when it is so by more than two event loops can confuse
_OPEN = ("queued", "running", "retrying")
_SHOWN = 8


def waiting(depth):
    return sum(depth[status] for status in _OPEN)


class Account:
    """Fills in what became of each promised request. Everything in `troubles` is a broken promise."""

    def __init__(self, load, upstream):
        self._load, self._upstream = load, upstream
        self.succeeded, self.dead = set(), set()  # numbers
        self.lost, self.unfinished, self.troubles = [], [], []
        self.twice = {}  # runs that were answered well -> jobs

    def _say(self, what, numbers):
        if numbers:
            some = ", ".join(map(str, list(numbers)[:_SHOWN]))
            self.troubles.append(f"{len(numbers)} {what}: {some}")

    async def ask_for_all(self, port):
        promised = [(number, entry.job) for number, entry in self._load.ledger.items() if entry.fate == "promised"]
        self.succeeded.clear()
        self.dead.clear()
        work = iter(promised)
        await asyncio.gather(*(self._asker(port, work) for _ in range(_ASKERS)))
        jobs = [job for _, job in promised]
        if len(set(jobs)) != len(jobs):
            self.troubles.append("one job was promised for two requests")
        return len(promised)

    async def _asker(self, port, work):
        wire = Wire(port)
        for number, job in work:
            await self._ask(wire, number, job)
        wire.close()

    async def _ask(self, wire, number, job):
        try:
            reply = await asyncio.wait_for(wire.ask("GET", f"/_jobs/{job}/result"), _ANSWER_S)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            wire.close()
            self.unfinished.append(f"{number} ({type(error).__name__} in asking for its result)")
            return
        if "x-chaos-digest" in reply.fields:
            self._load.compare(number, workload.request(self._load.seed, number), reply)
            self.succeeded.add(number)
            return
        reason = json.loads(reply.body)["reason"]
        if reason == "job_failed":
            self.dead.add(number)
        elif reason == "not_found":
            self.lost.append(number)
        else:
            self.unfinished.append(f"{number} ({reason})")

    def close(self, depth):
        """Compares ledger, journal and what the queue counts."""
        ledger, journal = self._load.ledger, self._upstream.journal
        seed = self._load.seed
        self._say("promised jobs are lost", self.lost)
        self._say("promised jobs have not ended", self.unfinished)
        self.troubles += self._load.wrong[:_SHOWN]
        poison = {n for n in self.succeeded | self.dead if workload.request(seed, n).poisonous}
        if not self._upstream.cured:
            self._say("poisonous jobs have succeeded", poison & self.succeeded)
        self.poisonous = len(poison)
        unrun = [n for n in self.succeeded if not self._good(n)]
        self._say("jobs have a result and were never run", unrun)
        answered = {n for n, entry in ledger.items() if entry.fate in ("live", "refused")}
        self._say("requests were run after they had been answered otherwise",
                  [n for n in answered if journal.get(n) and journal[n][-1].at > ledger[n].at + _LATE_S])
        self._say("half requests were run as whole ones",
                  [n for n, entry in ledger.items() if entry.fate == "half" and n in journal])
        for number in self.succeeded:
            runs = self._good(number)
            self.twice[runs] = self.twice.get(runs, 0) + 1
        self._count(depth)

    def check_history(self, number, shown):
        """A dead letter tells of every try: as many as its attempts, each with its error, no more than there were."""
        history = [attempt["error"] for attempt in shown["history"]]
        refused = sum(run.outcome == "poison" for run in self._upstream.journal.get(number, ()))
        if not history or "" in history or history.count("500") > refused or shown["attempt"] < shown["max_attempts"]:
            self.troubles.append(f"the dead letter of request {number} tells no likely story ({refused} runs of poison): "
                                 f"{shown}")

    def _good(self, number):
        return sum(run.outcome in ("well", "slow") for run in self._upstream.journal.get(number, ()))

    def _count(self, depth):
        """What the queue holds beyond what was promised can only be what was in doubt."""
        fates = [entry.fate for entry in self._load.ledger.values()]
        self.extra = depth["succeeded"] + depth["dead"] - len(self.succeeded) - len(self.dead)
        if not 0 <= self.extra <= fates.count("doubt"):
            self.troubles.append(f"the queue counts {self.extra} results and dead letters beyond what was promised; "
                                 f"{fates.count('doubt')} requests were in doubt")
        if waiting(depth) or depth["expired"]:
            self.troubles.append(f"the queue is not drained: {depth}")
