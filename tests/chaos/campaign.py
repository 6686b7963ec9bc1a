"""One campaign: a store, its Tidegates one after the other, an upstream and clients; chance from one seed.

    trouble:  load runs ─ upstream changes its mind ─ Tidegate is killed, again and again ─ its broker fails
    healing:  load ends ─ upstream and broker are well ─ the queue drains
    account:  every promise is asked for; then the dead are replayed against the cured upstream, and asked for again
"""
import asyncio
import json
import random
import time

from clients import Load
from disk import Ballast
from outages import KINDS, SERVERS, Broker
from process import Tidegate, Trouble
from programs import free_port  # on the path by outages
from upstream import MODES, Upstream
from verdict import Account, waiting
from wire import ask

QUEUE = "chaos-jobs"  # as tidegate.yaml names it
_BACKLOG_MAX = 3000    # jobs waiting, above which the clients slow down
_DRAIN_S = 120         # without any progress of the queue: it hangs
_EARLY, _ENDED, _QUIET = 0.12, 0.04, 0.03  # kills while it opens; SIGTERM in place of a kill; long lives


class Campaign:
    def __init__(self, options, seed, kills, folder):
        self._options, self.seed, self._kills_wanted, self._folder = options, seed, kills, folder
        self._chance = random.Random(seed)
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
        self.account = Account(self.load, self.upstream)
        self.ballast = Ballast(folder) if options.disk_mib else None
        self.kills = {"while it opened": 0, "at work": 0}
        self.ends = 0
        self.drained_s = 0.0
        self.replayed = 0

    async def run(self):
        """The account; its troubles say whether the promise held."""
        began = time.monotonic()
        try:
            if self.broker:
                await self.broker.start()
            await self.upstream.set_mode("well")
            self.load.start()
            await self._cause_trouble(began + self._options.minutes * 60)
            await self._heal()
            await self.account.ask_for_all(self.tidegate.listen)
            self.account.close(await self.tidegate.depth())
            await self._replay_the_dead()
        except (Trouble, OSError, EOFError) as trouble:
            self.account.troubles.append(f"{type(trouble).__name__}: {trouble}")
        finally:
            await self.load.abandon()
            self.tidegate.stop()
            await self.upstream.close()
            if self.broker:
                await self.broker.stop()
        self.took_s = time.monotonic() - began
        return self.account

    async def _cause_trouble(self, until):
        others = [asyncio.create_task(self._trouble_upstream()), asyncio.create_task(self._pace())]
        if self.broker:
            others.append(asyncio.create_task(self._trouble_broker()))
        if self.ballast:
            others.append(asyncio.create_task(self._trouble_disk()))
        try:
            while sum(self.kills.values()) < self._kills_wanted and time.monotonic() < until:
                await self._one_life()
                for task in others:
                    if task.done():
                        task.result()  # it ends only by an error
        finally:
            self._ending = True  # a cancellation alone can be lost in a wait_for that is just done
            for task in others[:2]:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    _ending = False

    async def _one_life(self):
        self.tidegate.start()
        if self._chance.random() < _EARLY:
            await asyncio.sleep(self._chance.random() * 0.03)
            self.kills["while it opened"] += 1
            return self.tidegate.kill()
        # Where its broker is away, or its disk full, it may not be ready; it works all the same.
        excused = self.broker or self.ballast
        if not await self.tidegate.ready(2 if excused else 30) and not excused:
            raise Trouble(f"not ready in 30 s: {self.tidegate.last_lines()}")
        scale = 4 if self.broker else 1
        await asyncio.sleep(3 if self._chance.random() < _QUIET else scale * self._chance.uniform(0.005, 0.5))
        if self._chance.random() < _ENDED:
            self.ends += 1
            return await self.tidegate.end()
        self.kills["at work"] += 1
        self.tidegate.kill()

    async def _trouble_upstream(self):
        while not self._ending:
            mode = self._chance.choice(("well",) * 5 + MODES)
            await self.upstream.set_mode(mode)
            await asyncio.sleep(self._chance.uniform(0.1, 1.5))

    async def _trouble_broker(self):
        """An outage is never left half way: the next task of the campaign finds the broker running."""
        while not self._ending:
            await asyncio.sleep(self._chance.uniform(1, 6))
            await self.broker.outage(self._chance.choice(KINDS), self._chance.uniform(0.2, 5))

    async def _trouble_disk(self):
        """So little room is left that appends, claims and results fail half way through a transaction."""
        while not self._ending:
            await asyncio.sleep(self._chance.uniform(0.3, 2))
            await self.ballast.fill(self._chance.randrange(200_000), self._chance.uniform(0.1, 1))

    async def _pace(self):
        """The clients send as fast as the upstream, ill as it is, gets through in the long run."""
        while not self._ending:
            await asyncio.sleep(0.3)
            depth = await self.tidegate.depth()
            if depth:
                behind = waiting(depth) / _BACKLOG_MAX
                self.load.pause_s = self._options.pause_ms / 1000 if behind < 0.5 else min(1, behind)

    async def _heal(self):
        self.tidegate.start()
        if self.broker:
            await self.broker.forwarder.heal()
        await self.load.stop()
        await self.upstream.set_mode("well")
        if not await self.tidegate.ready(60):
            raise Trouble(f"not ready after healing: {self.tidegate.last_lines()}")
        began = time.monotonic()
        await self._drain()
        self.drained_s = time.monotonic() - began

    async def _drain(self):
        least, since = None, time.monotonic()
        while True:
            self.tidegate.check_alive()
            depth = await self.tidegate.depth()
            left = waiting(depth) if depth else None
            if left == 0:
                return
            if left is not None and (least is None or left < least):
                least, since = left, time.monotonic()
            if time.monotonic() - since > _DRAIN_S:
                raise Trouble(f"the queue does not drain: {depth}: {self.tidegate.last_lines()}")
            await asyncio.sleep(0.2)

    async def _replay_the_dead(self):
        """Bodies of dead letters are proved by running them: the right answer depends on every byte."""
        dead = sorted(self.account.dead)
        if not dead:
            return
        self.upstream.cured = True
        for number in dead:
            await self._replay(number)
        await self._drain()
        again = Account(self.load, self.upstream)
        await again.ask_for_all(self.tidegate.listen)
        again.close(await self.tidegate.depth())
        self.account.troubles += again.troubles
        if again.dead:
            self.account.troubles.append(f"{len(again.dead)} replayed jobs died again")
        self.replayed = len(dead)

    async def _replay(self, number):
        job = f"/api/queues/{QUEUE}/jobs/{self.load.ledger[number].job}"
        shown = await ask(self.tidegate.admin, "GET", job)
        replayed = await ask(self.tidegate.admin, "POST", job + "/replay")
        if not shown or shown.status != 200 or not replayed or replayed.status >= 300:
            raise Trouble(f"{job} cannot be shown and replayed: {shown and shown.status}, {replayed and replayed.body}")
        self.account.check_history(number, json.loads(shown.body))
