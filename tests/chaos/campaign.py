"""One campaign: a store, its Tidegate processes one after the other, an upstream and clients; random, from one seed.

    faults:    load runs ─ the upstream changes its mode ─ Tidegate is killed repeatedly ─ its broker fails
    recovery:  load ends ─ upstream and broker are healthy ─ the queue drains
    audit:     every accepted job is queried; dead letters are replayed against the cured upstream and queried again
"""
import asyncio
import json
import random
import time

from clients import Load
from disk import Ballast
from drain import Progress
from outages import KINDS, SERVERS, Broker
from process import Tidegate, CampaignFailed
from programs import free_port  # on the path by outages
from upstream import MODES, Upstream
from audit import Audit, waiting
from connection import query

QUEUE = "chaos-jobs"  # as tidegate.yaml names it
_BACKLOG_MAX = 3000    # waiting jobs above which the clients slow down
_NOBODYS_NUMBER = 10 ** 9  # no request of the load has it
_EARLY, _ENDED, _QUIET = 0.12, 0.04, 0.03  # shares of kills while it opens, of SIGTERM instead of a kill, of long runs


class Campaign:
    def __init__(self, options, seed, kills, folder):
        self._options, self.seed, self._kills_wanted, self._folder = options, seed, kills, folder
        self._random = random.Random(seed)
        ports = {name: free_port() for name in ("LISTEN", "ADMIN", "UPSTREAM", "BROKER")}
        self.broker = None
        queue = f"sqlite://{folder}/jobs.db"
        more = ""
        if options.backend in SERVERS:
            self.broker = Broker(options.backend, folder / "broker", ports["BROKER"])
            queue = (f"redis://127.0.0.1:{ports['BROKER']}/0" if options.backend == "redis" else
                     f"amqp://guest:guest@127.0.0.1:{ports['BROKER']}/%2f")
            more = f"    spool: {folder}/spool.db"
            if options.backend == "amqp":
                more += f"\n    results: {{url: sqlite://{folder}/results.db}}"
        values = {**ports, "QUEUE": queue, "MORE": more, "WORKERS": 1 + seed % 2}
        self.tidegate = Tidegate(options.tidegate, folder, values)
        self.upstream = Upstream(ports["UPSTREAM"])
        self.load = Load(seed, ports["LISTEN"], options.clients)
        self.audit = Audit(self.load, self.upstream)
        self.ballast = Ballast(folder) if options.disk_mib else None
        self.kills = {"while it opened": 0, "at work": 0}
        self.ends = 0
        self.drained_s = 0.0
        self.replayed = 0

    async def run(self):
        """Returns the audit: without violations, every promise was kept."""
        began = time.monotonic()
        try:
            if self.broker:
                await self.broker.start()
            await self.upstream.set_mode("healthy")
            self.load.start()
            await self._inject_faults(time.monotonic() + self._options.minutes * 60)
            await self._recover()
            await self.audit.query_all(self.tidegate.listen)
            self.audit.close(await self.tidegate.depth())
            await self._replay_dead_letters()
        except (CampaignFailed, OSError, EOFError) as error:
            self.audit.violations.append(f"{type(error).__name__}: {error}")
        finally:
            await self.load.abandon()
            self.tidegate.stop()
            await self.upstream.close()
            if self.broker:
                await self.broker.stop()
        self.took_s = time.monotonic() - began
        return self.audit

    async def _inject_faults(self, until):
        others = [asyncio.create_task(self._fail_upstream()), asyncio.create_task(self._pace())]
        if self.broker:
            others.append(asyncio.create_task(self._fail_broker()))
        if self.ballast:
            others.append(asyncio.create_task(self._fail_disk()))
        try:
            while sum(self.kills.values()) < self._kills_wanted and time.monotonic() < until:
                await self._run_tidegate_once()
                for task in others:
                    if task.done():
                        task.result()  # raises: it ends only by an error
        finally:
            self._ending = True  # a wait_for that completes at the same time can swallow a cancellation
            for task in others[:2]:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    _ending = False

    async def _run_tidegate_once(self):
        self.tidegate.start()
        if self._random.random() < _EARLY:
            await asyncio.sleep(self._random.random() * 0.03)
            self.kills["while it opened"] += 1
            return self.tidegate.kill()
        # With its broker unavailable or its disk full it may not be ready, but it still works.
        excused = self.broker or self.ballast
        if not await self.tidegate.ready(2 if excused else 30) and not excused:
            raise CampaignFailed(f"not ready in 30 s: {self.tidegate.last_lines()}")
        scale = 4 if self.broker else 1
        await asyncio.sleep(3 if self._random.random() < _QUIET else scale * self._random.uniform(0.005, 0.5))
        if self._random.random() < _ENDED:
            self.ends += 1
            return await self.tidegate.end()
        self.kills["at work"] += 1
        self.tidegate.kill()

    async def _fail_upstream(self):
        while not self._ending:
            mode = self._random.choice(("healthy",) * 5 + MODES)
            await self.upstream.set_mode(mode)
            await asyncio.sleep(self._random.uniform(0.1, 1.5))

    async def _fail_broker(self):
        """An outage is always completed: the next step of the campaign finds the broker running."""
        while not self._ending:
            await asyncio.sleep(self._random.uniform(1, 6))
            await self.broker.outage(self._random.choice(KINDS), self._random.uniform(0.2, 5))

    async def _fail_disk(self):
        """Leaves so little space that appends, claims and results fail within a transaction."""
        while not self._ending:
            await asyncio.sleep(self._random.uniform(0.3, 2))
            await self.ballast.fill(self._random.randrange(200_000), self._random.uniform(0.1, 1))

    async def _pace(self):
        """Adapts the rate of the clients to what the failing upstream completes."""
        while not self._ending:
            await asyncio.sleep(0.3)
            depth = await self.tidegate.depth()
            if depth:
                behind = waiting(depth) / _BACKLOG_MAX
                self.load.pause_s = self._options.pause_ms / 1000 if behind < 0.5 else min(1, behind)

    async def _recover(self):
        self.tidegate.start()
        if self.broker:
            await self.broker.forwarder.recover()
        await self.load.stop()
        await self.upstream.set_mode("healthy")
        if not await self.tidegate.ready(60):
            raise CampaignFailed(f"not ready after the faults: {self.tidegate.last_lines()}")
        began = time.monotonic()
        await self._drain()
        self.drained_s = time.monotonic() - began

    async def _drain(self):
        progress = Progress(time.monotonic())
        while True:
            self.tidegate.check_alive()
            depth = await self.tidegate.depth()
            left = waiting(depth) if depth else None
            if left == 0:
                return
            # A job that fails is dead only if others succeed meanwhile.
            await query(self.tidegate.listen, "POST", f"/other?n={_NOBODYS_NUMBER}")
            runs = self.upstream.runs_but(_NOBODYS_NUMBER)
            if left is not None:
                progress.note(left, runs, time.monotonic())
            if progress.hangs(time.monotonic()):
                raise CampaignFailed(f"the queue does not drain: {depth}, {runs} runs: {self.tidegate.last_lines()}")
            await asyncio.sleep(0.2)

    async def _replay_dead_letters(self):
        """Verifies the bodies of dead letters by running them: the expected response depends on every byte."""
        dead = sorted(self.audit.dead)
        if not dead:
            return
        self.upstream.poison_cured = True
        for number in dead:
            await self._replay(number)
        await self._drain()
        again = Audit(self.load, self.upstream)
        await again.query_all(self.tidegate.listen)
        again.close(await self.tidegate.depth())
        self.audit.violations += again.violations
        if again.dead:
            self.audit.violations.append(f"{len(again.dead)} replayed jobs are dead again")
        self.replayed = len(dead)

    async def _replay(self, number):
        job = f"/api/queues/{QUEUE}/jobs/{self.load.ledger[number].job}"
        shown = await query(self.tidegate.admin, "GET", job)
        replayed = await query(self.tidegate.admin, "POST", job + "/replay")
        if not shown or shown.status != 200 or not replayed or replayed.status >= 300:
            raise CampaignFailed(f"{job} cannot be read and replayed: {shown and shown.status}, {replayed and replayed.body}")
        self.audit.check_history(number, json.loads(shown.body))
