"""The audit after the queue has drained: queries every accepted job and compares with the upstream's journal."""
import asyncio
import json

import workload
from connection import Connection

_QUERY_WORKERS = 16
_QUERY_TIMEOUT_S = 20
_LATE_S = 1.0  # the clocks of client and upstream may disagree by so much
_OPEN = ("queued", "running", "retrying")
_SHOWN = 8


def waiting(depth):
    return sum(depth[status] for status in _OPEN)


class Audit:
    """Determines how each accepted request ended. `violations`: promises that were not kept."""

    def __init__(self, load, upstream):
        self._load, self._upstream = load, upstream
        self.succeeded, self.dead = set(), set()  # numbers
        self.lost, self.unfinished, self.violations = [], [], []
        self.good_runs = {}  # runs that the upstream completed -> number of jobs

    def _report(self, what, numbers):
        if numbers:
            some = ", ".join(map(str, list(numbers)[:_SHOWN]))
            self.violations.append(f"{len(numbers)} {what}: {some}")

    async def query_all(self, port):
        accepted = [(number, entry.job) for number, entry in self._load.ledger.items() if entry.outcome == "accepted"]
        self.succeeded.clear()
        self.dead.clear()
        work = iter(accepted)
        await asyncio.gather(*(self._query_worker(port, work) for _ in range(_QUERY_WORKERS)))
        jobs = [job for _, job in accepted]
        if len(set(jobs)) != len(jobs):
            self.violations.append("one job id was returned for two requests")
        if not accepted and "no request was accepted: nothing was tested" not in self.violations:
            self.violations.append("no request was accepted: nothing was tested")
        return len(accepted)

    async def _query_worker(self, port, work):
        connection = Connection(port)
        for number, job in work:
            await self._query(connection, number, job)
        connection.close()

    async def _query(self, connection, number, job):
        try:
            response = await asyncio.wait_for(connection.query("GET", f"/_jobs/{job}/result"), _QUERY_TIMEOUT_S)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            connection.close()
            self.unfinished.append(f"{number} ({type(error).__name__} while querying its result)")
            return
        if "x-chaos-digest" in response.fields:
            self._load.compare(number, workload.request(self._load.seed, number), response)
            self.succeeded.add(number)
            return
        reason = json.loads(response.body)["reason"]
        if reason == "job_failed":
            self.dead.add(number)
        elif reason == "not_found":
            self.lost.append(number)
        else:
            self.unfinished.append(f"{number} ({reason})")

    def close(self, depth):
        """Compares the ledger, the journal and the counts of the queue."""
        ledger, journal = self._load.ledger, self._upstream.journal
        seed = self._load.seed
        self._report("accepted jobs were lost", self.lost)
        self._report("accepted jobs have not ended", self.unfinished)
        self.violations += self._load.wrong[:_SHOWN]
        poison = {n for n in self.succeeded | self.dead if workload.request(seed, n).poisonous}
        if not self._upstream.poison_cured:
            self._report("poisonous jobs succeeded", poison & self.succeeded)
        self.poisonous = len(poison)
        never_run = [n for n in self.succeeded if not self._good(n)]
        self._report("jobs have a result but were never run", never_run)
        responded = {n for n, entry in ledger.items() if entry.outcome in ("live", "refused")}
        self._report("requests were run after another response",
                     [n for n in responded if journal.get(n) and journal[n][-1].at > ledger[n].at + _LATE_S])
        self._report("incomplete requests were run",
                     [n for n, entry in ledger.items() if entry.outcome == "partial" and n in journal])
        for number in self.succeeded:
            runs = self._good(number)
            self.good_runs[runs] = self.good_runs.get(runs, 0) + 1
        self._count(depth)

    def check_history(self, number, shown):
        """A dead letter lists every attempt with its error, and no attempt that the upstream did not see."""
        history = [attempt["error"] for attempt in shown["history"]]
        refused = sum(run.outcome == "poison" for run in self._upstream.journal.get(number, ()))
        if not history or "" in history or history.count("500") > refused or shown["attempt"] < shown["max_attempts"]:
            self.violations.append(f"the history of the dead letter of request {number} does not match the journal ({refused} runs): "
                                 f"{shown}")

    def _good(self, number):
        return sum(run.outcome in ("healthy", "slow") for run in self._upstream.journal.get(number, ()))

    def _count(self, depth):
        """Jobs of the queue beyond the accepted ones can only come from requests with an unknown outcome."""
        outcomes = [entry.outcome for entry in self._load.ledger.values()]
        self.extra = depth["succeeded"] + depth["dead"] - len(self.succeeded) - len(self.dead)
        if not 0 <= self.extra <= outcomes.count("unknown"):
            self.violations.append(f"the queue counts {self.extra} results and dead letters more than were accepted; "
                                 f"{outcomes.count('unknown')} requests have an unknown outcome")
        if waiting(depth) or depth["expired"]:
            self.violations.append(f"the queue has not drained: {depth}")
