#!/usr/bin/env python3
"""Durable 202s per second against SQLite alone, live latency beside a load of 202s, and a backlog: memory, reopening, drain.

See README.md beside this file. Python's standard library only.
"""
import argparse
import http.client
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import contestants
from processes import BenchError, Fleet, accepts, free_ports

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = 64
RECORDS = 20_000
LIVE_CONNECTIONS, LIVE_REQUESTS = 8, 20_000
BACKLOGS = (1_000, 100_000)
CONCURRENCY = 16
DELAY_MS = 10  # of the upstream's answer, in the drain: 16 at once are 1,600 a second
AIM_RATIO, AIM_P99_MS, AIM_REOPEN_S = 0.8, 50, 2


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/bench/bin",
                        help="folder of bench-store, bench-upstream, bench-load")
    parser.add_argument("--tidegate", type=pathlib.Path, default=ROOT / "build/bin/tidegate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("durable", "live", "backlog"))
    parser.add_argument("--out", type=pathlib.Path, help="write everything measured to this file as JSON")
    options = parser.parse_args()
    options.program = lambda name: contestants.require_file(options.programs / name, "build the preset `bench`")
    return options


class Bed:
    """Tidegate with its own store, the live upstream, and the one that is down until `revive`. No process is bound to a core: the store has its own thread."""

    def __init__(self, options, fleet, folder, open_for):
        self._options, self._fleet = options, fleet
        self.port, self._admin, self._live, self._down = free_ports(4)
        values = {"LISTEN": self.port, "ADMIN": self._admin, "UPSTREAM": self._live, "DOWN": self._down,
                  "FOLDER": folder, "OPEN_FOR": open_for, "CONCURRENCY": CONCURRENCY}
        self._config = contestants.fill_template("jobs.yaml", folder, values)
        fleet.start_server("live", [options.program("bench-upstream"), "--listen", self._live], None,
                           self._live)
        self.start()

    def start(self):
        """Seconds until it is ready."""
        began = time.monotonic()
        binary = contestants.require_file(self._options.tidegate, "build it first, or name it with --tidegate")
        self.process = self._fleet.start("tidegate", [binary, "run", "-c", self._config], None,
                                         stdin=subprocess.DEVNULL)
        while not (accepts(self._admin) and self._ask("/ready")[0] == 200):
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise BenchError("tidegate did not get ready")
            time.sleep(0.002)
        return time.monotonic() - began

    def kill(self):
        self.process.kill()
        self._fleet.end(self.process)

    def revive(self):
        self._fleet.start_server("revived", [self._options.program("bench-upstream"), "--listen", self._down,
                                             "--delay-ms", DELAY_MS], None, self._down)

    def load(self, workload, connections, requests):
        command = [self._options.program("bench-load"), "--target", self.port, "--workload", workload,
                   "--connections", connections, "--requests", requests, "--warmup", connections]
        return self._fleet.start("load", command, None, text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE)

    def measure(self, *arguments):
        process = self.load(*arguments)
        line = process.stdout.readline()
        self._fleet.end(process)
        if not line.startswith("{"):
            raise BenchError("the load generator failed")
        result = json.loads(line)
        if result["errors"]:
            raise BenchError(f"{result['errors']} answers were wrong or missing")
        return dict(result, per_second=result["requests"] / result["seconds"])

    def depth(self):
        return json.loads(self._ask("/api/status")[1])["queues"][0]["depth"]

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def end_load(self, process):
        self._fleet.end(process)

    def _ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self._admin, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def measure_durable(options, fleet, folder):
    """Rounds of both, one after the other, so that a slow minute of the machine hits both alike."""
    bed = Bed(options, fleet, folder, "1h")
    bed.measure("job", CLIENTS, 2000)  # opens the breaker, warms the store
    rounds = []
    for number in range(options.rounds):
        done = subprocess.run([options.program("bench-store"), "--file", f"{folder}/alone{number}.db", "--records",
                               str(RECORDS), "--group", str(CLIENTS)], check=True, capture_output=True, text=True)
        alone = json.loads(done.stdout)["per_second"]
        ours = bed.measure("job", CLIENTS, RECORDS)
        rounds.append({"alone": alone, "accepted": ours["per_second"], "ratio": ours["per_second"] / alone,
                       "p50_ms": ours["p50_us"] / 1000, "p99_ms": ours["p99_us"] / 1000})
    return rounds


def measure_live(options, fleet, folder):
    bed = Bed(options, fleet, folder, "1h")
    bed.measure("job", CLIENTS, 500)
    rounds = []
    for _ in range(options.rounds):
        alone = bed.measure("small", LIVE_CONNECTIONS, LIVE_REQUESTS)
        storm = bed.load("job", CLIENTS, 100_000_000)
        beside = bed.measure("small", LIVE_CONNECTIONS, LIVE_REQUESTS)
        bed.end_load(storm)
        rounds.append({"alone": alone, "beside": beside})
    return rounds


def measure_backlog(options, fleet, folder):
    bed = Bed(options, fleet, folder, "1h")
    held = {}
    bed.measure("job", CLIENTS, BACKLOGS[0] - CLIENTS)  # the warm-up counts too
    for size in BACKLOGS:
        if (jobs := bed.depth()["queued"]) < size:
            bed.measure("job", CLIENTS, size - jobs - CLIENTS)
        held[size] = bed.resident_mib()
    bed.kill()
    bed.revive()
    reopened_s = bed.start()
    first_s = wait_for(lambda: bed.depth()["succeeded"] > 0) + reopened_s
    resident_after = bed.resident_mib()
    before = (time.monotonic(), bed.depth()["succeeded"])
    time.sleep(20)
    drained = (bed.depth()["succeeded"] - before[1]) / (time.monotonic() - before[0])
    resident_draining = bed.resident_mib()
    return {"resident_mib": held, "reopened_s": reopened_s, "first_result_s": first_s,
            "resident_reopened_mib": resident_after, "resident_draining_mib": resident_draining,
            "drained_per_second": drained, "upstream_per_second": CONCURRENCY / DELAY_MS * 1000}


def wait_for(condition):
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > 60:
            raise BenchError("the queue does not begin to drain")
        time.sleep(0.005)
    return time.monotonic() - began


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def report(result):
    lines = []
    if rounds := result.get("durable"):
        ratio, p99 = median(rounds, "ratio"), median(rounds, "p99_ms")
        lines.append(
            f"durable 202s, {CLIENTS} clients, 1 KiB: {median(rounds, 'accepted'):.0f}/s, p50 "
            f"{median(rounds, 'p50_ms'):.1f} ms, p99 {p99:.1f} ms (aim below {AIM_P99_MS} ms); SQLite alone in groups "
            f"of {CLIENTS}: {median(rounds, 'alone'):.0f}/s; ratio {ratio:.2f} (best round "
            f"{max(one['ratio'] for one in rounds):.2f}), aim at least {AIM_RATIO}")
    if rounds := result.get("live"):
        def live(which, key):
            return statistics.median(one[which][key] for one in rounds)
        lines.append(f"a live route, p50/p99 us: alone {live('alone', 'p50_us'):.0f}/{live('alone', 'p99_us'):.0f}, "
                     f"beside a storm of 202s on another {live('beside', 'p50_us'):.0f}/{live('beside', 'p99_us'):.0f}")
    if backlog := result.get("backlog"):
        resident = ", ".join(f"{mib:.1f} MiB at {size} jobs" for size, mib in backlog["resident_mib"].items())
        lines.append(
            f"backlog: resident {resident}; after kill -9 ready in {backlog['reopened_s']:.2f} s (aim below "
            f"{AIM_REOPEN_S} s), first result at {backlog['first_result_s']:.2f} s with "
            f"{backlog['resident_reopened_mib']:.1f} MiB; drains {backlog['drained_per_second']:.0f}/s of the "
            f"upstream's {backlog['upstream_per_second']:.0f}/s, {backlog['resident_draining_mib']:.1f} MiB meanwhile")
    return "\n".join(lines)


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves the Fleet like Ctrl-C does
    result = {}
    try:
        for name, measure in (("durable", measure_durable), ("live", measure_live), ("backlog", measure_backlog)):
            if options.only in (None, name):
                with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder, Fleet(folder) as fleet:
                    result[name] = measure(options, fleet, folder)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(report(result))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
