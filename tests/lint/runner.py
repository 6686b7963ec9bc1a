#!/usr/bin/env python3
"""tests/run.py counts what happened: a crash, a hang in starting and an empty run are failures, a skip is no success."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import run as runner  # noqa: E402

DOCTEST = "[doctest] test cases:  %d | %d passed | %d failed | %d skipped\n"


def shell(script, count=runner.count_doctest):
    return runner.run(runner.Suite("suite", ["sh", "-c", script], count), {"PATH": "/usr/bin:/bin"})


class Counting(unittest.TestCase):
    def test_doctest(self):
        self.assertEqual(runner.count_doctest(DOCTEST % (7, 5, 1, 1)), (5, 1, 1))
        self.assertIsNone(runner.count_doctest("no such line"))

    def test_a_case_that_says_it_is_skipped_has_not_passed(self):
        for message in ("a.cc:9: MESSAGE: cases are absent: skipped\n", "a.cc:9: MESSAGE: skipped: no cases\n"):
            self.assertEqual(runner.count_doctest(message + DOCTEST % (3, 3, 0, 0)), (2, 0, 1))

    def test_why_cases_were_skipped_is_listed_once_for_each_reason(self):
        said = "a.cc:9: MESSAGE: skipped: no cases\n" * 2 + "test_a (b.C) ... skipped 'no broker'\ntest_b (b.C) ... ok\n"
        self.assertEqual(runner.skip_reasons(said), ["no cases (2)", "no broker (1)"])

    def test_unittest(self):
        ran = "Ran 6 tests in 0.1s\n\n"
        self.assertEqual(runner.count_unittest(ran + "OK\n"), (6, 0, 0))
        self.assertEqual(runner.count_unittest(ran + "OK (skipped=2)\n"), (4, 0, 2))
        self.assertEqual(runner.count_unittest(ran + "FAILED (failures=1, errors=2, skipped=1)\n"), (2, 3, 1))
        self.assertEqual(runner.count_unittest("Ran 0 tests in 0.1s\n\nFAILED (errors=1)\n"), (0, 1, 0))


class Running(unittest.TestCase):
    def counts(self, verdict):
        return verdict.passed, verdict.failed, verdict.skipped

    def test_all_passed(self):
        self.assertEqual(self.counts(shell(f"echo '{DOCTEST % (2, 2, 0, 0)}'")), (2, 0, 0))

    def test_a_crash_is_a_failure(self):
        crashed = shell("kill -SEGV $$")
        self.assertEqual(self.counts(crashed), (0, 1, 0))
        self.assertEqual(crashed.trouble, "killed by signal 11")

    def test_a_crash_after_the_counts_is_a_failure_too(self):
        self.assertEqual(self.counts(shell(f"echo '{DOCTEST % (2, 2, 0, 0)}'; exit 3")), (2, 1, 0))

    def test_a_failed_case_is_counted_once(self):
        self.assertEqual(self.counts(shell(f"echo '{DOCTEST % (2, 1, 1, 0)}'; exit 1")), (1, 1, 0))

    def test_a_suite_that_runs_nothing_is_a_failure(self):
        self.assertEqual(self.counts(shell("true")), (0, 1, 0))

    def test_a_program_that_is_not_there_is_a_failure(self):
        missing = runner.run(runner.Suite("suite", ["/nowhere/program"], runner.count_doctest), {})
        self.assertEqual(self.counts(missing), (0, 1, 0))


if __name__ == "__main__":
    unittest.main()
