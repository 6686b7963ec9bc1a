#!/usr/bin/env python3
"""Tests the promise of a 202: Tidegate is killed repeatedly, its upstream and broker fail, and no accepted job is lost.

See README.md beside this file. Python's standard library only. Status 0: every promise was kept.
"""
import argparse
import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import pathlib
import signal
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import disk  # noqa: E402
from campaign import Campaign  # noqa: E402
import report  # noqa: E402

_PR_SET_PDEATHSIG = 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidegate", type=pathlib.Path, default=HERE.parents[1] / "build/bin/tidegate")
    parser.add_argument("--backend", choices=("sqlite", "redis", "amqp"), default="sqlite")
    parser.add_argument("--kills", type=int, default=100, help="kill -9 of Tidegate, over all stores (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30, help="stop killing after this time (default 30)")
    parser.add_argument("--stores", type=int, default=1, help="parallel campaigns, each with its own store")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--pause-ms", type=float, default=40, help="of a client between requests (default 40)")
    parser.add_argument("--disk-mib", type=int, default=0,
                        help="put the store on a disk of this size, which is full at times (as root)")
    parser.add_argument("--folder", type=pathlib.Path, help="where stores and logs go; default: a temporary folder")
    parser.add_argument("--out", type=pathlib.Path, help="also write the ledger to this file")
    return parser.parse_args()


def run_one(options, seed, kills, pipe):
    """A campaign in its own process, which ends when its parent ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as on Ctrl-C: stops what it has started
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    with tempfile.TemporaryDirectory(prefix="tidegate-chaos-", dir=options.folder) as folder:
        with disk.mounted(folder, options.disk_mib) if options.disk_mib else contextlib.nullcontext():
            campaign = Campaign(options, seed, kills, pathlib.Path(folder))
            asyncio.run(campaign.run())
            pipe.send(report.summarize(campaign))


def run_all(options):
    """The summaries of the campaigns that have finished."""
    workers = []
    for i in range(options.stores):
        kills = options.kills // options.stores + (i < options.kills % options.stores)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.Process(target=run_one, args=(options, options.seed + i, kills, sender))
        worker.start()
        sender.close()
        workers.append((worker, receiver))
    summaries = []
    for worker, receiver in workers:
        with contextlib.suppress(EOFError):
            summaries.append(receiver.recv())
        worker.join()
    return summaries


def main():
    options = parse_arguments()
    if not os.access(options.tidegate, os.X_OK):
        sys.exit(f"no program at {options.tidegate}: `make build` first, or name it with --tidegate")
    if options.disk_mib and not disk.can_mount():
        print("skipped: mounting a disk needs root")
        return 0
    try:
        summaries = run_all(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if len(summaries) < options.stores:
        sys.exit("a campaign ended without an audit")
    text = report.ledger(options, summaries)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")
    return 1 if any(summary["violations"] for summary in summaries) else 0


if __name__ == "__main__":
    sys.exit(main())
