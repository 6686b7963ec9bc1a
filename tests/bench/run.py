#!/usr/bin/env python3
"""CPU time per proxied request: Tidegate, a bare relay and the well-known proxies in front of the same upstream.

See README.md beside this file. Python's standard library only.
"""

import argparse
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile

import contestants
import report
from processes import BenchError, Fleet, cpu_seconds, free_ports, pick_cores

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOAD_TIMEOUT_S = 120
# Requests of one round. A round of each keeps a proxy busy for about half a second.
REQUESTS = {"small": 40000, "post": 10000, "large": 1000}
QUICK_DIVISOR = 5


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/bench/bin",
                        help="folder of bench-relay, bench-upstream, bench-load")
    parser.add_argument("--tidegate", type=pathlib.Path, default=ROOT / "build/bin/tidegate")
    parser.add_argument("--envoy", type=pathlib.Path, help="Envoy's program, if it is not on PATH")
    parser.add_argument("--contestants", default=",".join(contestants.DEFAULT_NAMES),
                        help=f"which to run, of {','.join(contestants.NAMES)}")
    parser.add_argument("--workloads", default=",".join(REQUESTS), help=f"which to run, of {','.join(REQUESTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5; 2 with --quick)")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to check that it works; not a measurement")
    parser.add_argument("--out", type=pathlib.Path, help="write everything measured to this file as JSON")
    parser.add_argument("--tls", action="store_true", help="clients speak TLS 1.3; the contestants that can end it")
    parser.add_argument("--check", action="store_true", help="exit with 1 if Tidegate misses a target")
    options = parser.parse_args()
    options.contestants = split_names(parser, "--contestants", options.contestants, contestants.NAMES)
    options.workloads = split_names(parser, "--workloads", options.workloads, REQUESTS)
    if options.rounds < 1 or not 1 <= options.connections <= 1000:
        parser.error("--rounds must be at least 1 and --connections from 1 to 1000")
    if options.tls:
        options.contestants = [name for name in options.contestants if name in contestants.TLS_NAMES]
    if options.quick:
        options.rounds = min(options.rounds, 2)
    return options


def split_names(parser, flag, text, known):
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            parser.error(f"{flag}: {name} is none of {', '.join(known)}")
    if not names:
        parser.error(f"{flag}: nothing to run")
    return names


def start_all(options, fleet, folder, upstream_port, core, identity):
    """(started contestants, {name: why it was skipped})."""
    started, skipped = [], {}
    for name in options.contestants:
        try:
            started.append(contestants.start(name, options, fleet, folder, upstream_port, core, identity))
        except BenchError as error:
            skipped[name] = str(error)
            print(f"{name}: skipped: {error}", flush=True)
    return started, skipped


class Bench:
    """One run: the upstream and all contestants are up; measures them in turn."""

    def __init__(self, options, fleet, load_core, identity):
        self._identity = identity
        self._options = options
        self._fleet = fleet
        self._load_core = load_core

    def measure(self, contestant, workload):
        """One round of one workload through one contestant."""
        requests = REQUESTS[workload] // (QUICK_DIVISOR if self._options.quick else 1)
        load = self._start_load(contestant, workload, requests)
        try:
            self._expect(load, contestant, "ready")
            before = cpu_seconds(contestant.process.pid)
            load.stdin.write("go\n")
            load.stdin.flush()
            line = self._expect(load, contestant, "{")
            used = cpu_seconds(contestant.process.pid) - before
            load.stdin.close()
            load.wait(LOAD_TIMEOUT_S)
        finally:
            self._fleet.end(load)
        if contestant.process.poll() is not None:
            raise BenchError(f"{contestant.name} ended in the middle with status {contestant.process.returncode}")
        return dict(json.loads(line), cpu_us_per_request=used / requests * 1e6)

    def _start_load(self, contestant, workload, requests):
        command = [self._options.programs / "bench-load", "--target", contestant.port, "--workload", workload,
                   "--connections", self._options.connections, "--requests", requests,
                   "--warmup", max(requests // 20, self._options.connections), "--hold"]
        if self._identity:
            command += ["--tls", self._identity.cert]
        return self._fleet.start("load", command, self._load_core, text=True, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)

    def _expect(self, load, contestant, beginning):
        line = load.stdout.readline()
        if not line.startswith(beginning):
            raise BenchError(f"the load generator failed against {contestant.name}, status {load.wait(10)}")
        return line

    def run(self, started):
        """{workload: {contestant: [round, ...]}}; a contestant's place in the order turns from round to round."""
        rounds = {workload: {one.name: [] for one in started} for workload in self._options.workloads}
        for number in range(self._options.rounds):
            shift = number % len(started)
            for workload in self._options.workloads:
                for one in started[shift:] + started[:shift]:
                    rounds[workload][one.name].append(self.measure(one, workload))
            print(f"round {number + 1} of {self._options.rounds} done", flush=True)
        return rounds


def machine(proxy_core, load_core):
    model = platform.processor()
    with open("/proc/cpuinfo") as cpuinfo:
        model = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), model)
    return {"cpu": model, "kernel": platform.release(), "cpus": os.cpu_count(), "proxy_core": proxy_core,
            "load_core": load_core}


def bench(options):
    proxy_core, load_core = pick_cores()
    if proxy_core is None:
        print("note: the process may use only one core; proxy and load share it", flush=True)
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder, Fleet(folder) as fleet:
        upstream_port = free_ports(1)[0]
        upstream = contestants.require_file(options.programs / "bench-upstream", "build the preset `bench`")
        fleet.start_server("upstream", [upstream, "--listen", upstream_port], load_core, upstream_port)
        identity = contestants.Identity(folder) if options.tls else None
        started, skipped = start_all(options, fleet, folder, upstream_port, proxy_core, identity)
        if not started:
            raise BenchError("nothing to measure")
        rounds = Bench(options, fleet, load_core, identity).run(started)
    summary = report.summarize(rounds)
    report.add_ratios(summary, contestants.FLOOR)
    return {"machine": machine(proxy_core, load_core), "connections": options.connections, "quick": options.quick,
            "tls": options.tls,
            "versions": {one.name: one.version for one in started if one.version}, "skipped": skipped,
            "workloads": summary}


def print_report(result):
    print()
    for name, version in result["versions"].items():
        print(f"{name}: {version}")
    print(f"{result['machine']['cpu']}, Linux {result['machine']['kernel']}, {result['connections']} connections\n")
    print(report.table(result["workloads"]))
    if result["skipped"]:
        print("\nskipped: " + ", ".join(f"{name} ({why})" for name, why in result["skipped"].items()))
    for sentence, _ in report.aims(result["workloads"]):
        print(sentence)


def status_of(options, result):
    if any(one["errors"] for by_name in result["workloads"].values() for one in by_name.values()):
        print("error: some responses were wrong or missing; the figures above are invalid", file=sys.stderr)
        return 1
    found = report.aims(result["workloads"])
    return 1 if options.check and not (found and all(met for _, met in found)) else 0


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves the Fleet like Ctrl-C does
    try:
        result = bench(options)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print_report(result)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return status_of(options, result)


if __name__ == "__main__":
    sys.exit(main())
