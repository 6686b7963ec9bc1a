#!/usr/bin/env python3
"""Runs every test, three suites at a time, and ends with the line `N passed, N failed`.

A suite is a doctest program that CMake knows of, or a folder of Python tests; in the slow folders each file is one
(e2e:kill). What a suite prints is shown when it fails. A suite that crashes, hangs or runs nothing is a failure of its
own: nothing fails silently.
"""
import argparse
import concurrent.futures
import dataclasses
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TIMEOUT_S = 900
END_S = 20  # for a suite that was told to end
# These take longest, so they begin first.
FIRST = ["e2e", "unit_jobs", "browser", "unit_jobs_rabbit", "loopback", "loopback_cases",
         "docs"]
BY_FILE = ["e2e", "browser"]
# What parts need of Debian's packages for Python.
DEBIAN_MODULES = {"browser": "selenium", "e2e:websocket": "websockets", "e2e:reload_load": "websockets"}
PYTHON_SUITES = {"lint": ROOT / "tests/lint", "e2e": ROOT / "tests/e2e", "monitoring": ROOT / "tests/monitoring",
                 "compose": ROOT / "tests/compose", "browser": ROOT / "tests/browser", "docs": ROOT / "tests/docs"}

DOCTEST_LINE = re.compile(r"^\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped",
                          re.MULTILINE)
# A case that lacks what it needs says so and ends: doctest has no other word for that, and counts it as passed.
DOCTEST_SKIP = re.compile(r"MESSAGE: (?:skipped: (.*)|(.*): skipped)$", re.MULTILINE)
# With -v, which the Python suites are run with.
UNITTEST_SKIP = re.compile(r"^(?:.* \.\.\. )?skipped (['\"])(.*)\1$", re.MULTILINE)
UNITTEST_LINE = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)
UNITTEST_COUNT = r"\b%s=(\d+)"


@dataclasses.dataclass
class Suite:
    name: str
    command: list
    count: callable  # the output -> (passed, failed, skipped), or None where it says nothing

    @property
    def group(self):
        return self.name.split(":")[0]


@dataclasses.dataclass
class Verdict:
    suite: Suite
    passed: int
    failed: int
    skipped: int
    took_s: float
    output: str
    trouble: str = ""


def count_doctest(output):
    lines = DOCTEST_LINE.findall(output)
    if not lines:
        return None
    passed, failed, filtered = (int(number) for number in lines[-1])
    skipped = min(passed, len(DOCTEST_SKIP.findall(output)))
    return passed - skipped, failed, filtered + skipped


def count_unittest(output):
    ran = UNITTEST_LINE.findall(output)
    if not ran:
        return None
    verdict = output.rstrip().splitlines()[-1]

    def number(word):
        found = re.search(UNITTEST_COUNT % word, verdict)
        return int(found[1]) if found else 0

    failed = number("failures") + number("errors") + number("unexpected successes")
    skipped = number("skipped")
    return max(0, int(ran[-1]) - failed - skipped), failed, skipped


def skip_reasons(output):
    """Why cases were skipped, each reason once with the number of cases."""
    reasons = [first or second for first, second in DOCTEST_SKIP.findall(output)]
    reasons += [reason for _, reason in UNITTEST_SKIP.findall(output)]
    for *_, left_out in DOCTEST_LINE.findall(output)[-1:]:
        reasons += ["left out by their own condition"] * int(left_out)
    return [f"{reason} ({reasons.count(reason)})" for reason in dict.fromkeys(reasons)]


def doctest_suites(build):
    """The programs of this configuration, from CMake itself: a program left over from an older one does not count."""
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, check=True)
    return [Suite(test["name"], test.get("command", [str(build / "bin" / test["name"])]), count_doctest)
            for test in json.loads(listing.stdout)["tests"]]


def interpreter_for(part):
    """Debian's packages for Python are its own interpreter's, which need not be the one that runs this."""
    debian = pathlib.Path("/usr/bin/python3")
    module = next((module for begin, module in DEBIAN_MODULES.items() if part.startswith(begin)), "sys")
    knows = importlib.util.find_spec(module) or not debian.exists()
    return sys.executable if knows else str(debian)


def python_suites():
    for name, folder in PYTHON_SUITES.items():
        pattern = "*.py" if name == "lint" else "*_test.py"
        files = sorted(folder.glob(pattern)) if name in BY_FILE else []
        parts = {f"{name}:{file.stem.removesuffix('_test')}": file.name for file in files} or {name: pattern}
        for part, files_wanted in parts.items():
            yield Suite(part, [interpreter_for(part), "-B", "-m", "unittest", "discover", "-v", "-s", str(folder), "-p",
                               files_wanted], count_unittest)


def output_of(process):
    """What it prints, and its exit status: None if it had to be ended. SIGTERM makes doctest name the case that hangs."""
    output = b""
    for seconds, end in [(TIMEOUT_S, process.terminate), (END_S, process.kill)]:
        try:
            output, _ = process.communicate(timeout=seconds)
            return output.decode(errors="replace"), process.returncode if seconds == TIMEOUT_S else None
        except subprocess.TimeoutExpired as late:
            output = late.output or b""
            end()
    return output.decode(errors="replace"), None


def run(suite, environment):
    begun = time.monotonic()
    try:
        with subprocess.Popen(suite.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            output, code = output_of(process)
    except OSError as error:
        output, code = f"{error}\n", None
    took_s = time.monotonic() - begun

    passed, failed, skipped = suite.count(output) or (0, 0, 0)
    trouble = ""
    if code is None:
        trouble = f"ended after {TIMEOUT_S} s" if took_s >= TIMEOUT_S else "could not be started"
    elif code < 0:
        trouble = f"killed by signal {-code}"
    elif code != 0 and failed == 0:
        trouble = f"exit status {code}"
    elif code == 0 and failed:
        trouble = "exit status 0 in spite of failures"
    elif passed + failed + skipped == 0:
        trouble = "no tests ran"
    if trouble and failed == 0:
        failed = 1
    return Verdict(suite, passed, failed, skipped, took_s, output, trouble)


def describe(verdict):
    counts = f"{verdict.passed:4} passed"
    if verdict.failed:
        counts += f", {verdict.failed} failed"
    if verdict.skipped:
        counts += f", {verdict.skipped} skipped"
    if verdict.trouble:
        counts += f" ({verdict.trouble})"
    return f"{'FAIL' if verdict.failed else 'ok  '}  {verdict.suite.name:20} {counts}  {verdict.took_s:.1f} s"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/test", help="the build folder to test")
    parser.add_argument("--programs-only", action="store_true", help="leave out the Python suites")
    parser.add_argument("--jobs", type=int, default=3, help="suites at a time (default 3)")
    parser.add_argument("suites", nargs="*", help="run only these, by name (unit_http, sim, e2e, ...)")
    return parser.parse_args()


def choose_suites(options):
    suites = doctest_suites(options.build)
    if not options.programs_only:
        suites += python_suites()
    names = {suite.name for suite in suites} | {suite.group for suite in suites}
    unknown = set(options.suites) - names
    if unknown:
        sys.exit(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}")
    if options.suites:
        suites = [suite for suite in suites if {suite.name, suite.group} & set(options.suites)]
    return sorted(suites, key=lambda suite: FIRST.index(suite.group) if suite.group in FIRST else len(FIRST))


def main():
    options = parse_arguments()
    options.build = options.build.resolve()
    suites = choose_suites(options)
    environment = {"LSAN_OPTIONS": f"suppressions={ROOT}/tests/support/lsan.supp:print_suppressions=0",
                   **os.environ, "TIDEGATE_BIN": str(options.build / "bin")}

    print(f"{len(suites)} suites, {options.jobs} at a time", flush=True)
    verdicts = []
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for ended in concurrent.futures.as_completed([pool.submit(run, suite, environment) for suite in suites]):
            verdict = ended.result()
            verdicts.append(verdict)
            if verdict.failed:
                print(f"---- {verdict.suite.name}\n{verdict.output.rstrip()}\n----")
            print(describe(verdict), flush=True)

    skipped = sum(verdict.skipped for verdict in verdicts)
    failed = sum(verdict.failed for verdict in verdicts)
    lines = [f"skipped: {skipped}"] if skipped else []
    lines += [f"  {verdict.suite.name}: {reason}" for verdict in verdicts for reason in skip_reasons(verdict.output)]
    lines.append(f"{sum(verdict.passed for verdict in verdicts)} passed, {failed} failed")
    (options.build / "test-summary.txt").write_text("\n".join([*map(describe, verdicts), *lines]) + "\n")
    print("\n" + "\n".join(lines), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
