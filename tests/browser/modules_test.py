"""The page's pure modules, called as they are served: when to come again, and the words for what happened."""
import unittest

from page_case import PageCase

REASONS = """rate_limited body_too_large image_too_large unsupported_media_type bad_image bad_request headers_too_large
client_timeout idempotency_conflict breaker_open bulkhead_full queue_full queue_unavailable busy draining
store_unavailable connect_failure reset bad_upstream_response timeout fault internal_error failed not_found""".split()


class Modules(PageCase):
    def call(self, module, code, *given):
        value = self.browser.run_async(f"const own = await import('/page/{module}'); {code}", *given)
        self.assertFalse(isinstance(value, str) and value.startswith("threw"), value)
        return value

    def words(self, **problem):
        given = {"status": 400, "reason": "", "detail": "", "wait_s": None, **problem}
        return self.call("words.js", "return own.problem_words(given[0])", given)

    def test_retry_after_is_a_number_or_a_date(self):
        now_ms = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
        table = [("0", 0), ("12", 12), (" 7 ", 7), ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
                 ("Tue, 14 Nov 2023 22:13:00 GMT", 0), ("999999999", 86400), ("", None), (None, None), ("-1", None),
                 ("1.5", None), ("soon", None), ("2023-11-14", None)]
        answers = self.call("timing.js", "return given[0].map((value) => own.retry_after_s(value, given[1]))",
                            [value for value, _ in table], now_ms)
        self.assertEqual(answers, [seconds for _, seconds in table])

    def test_the_back_off_doubles_to_half_a_minute_and_is_jittered_downwards(self):
        whole = self.call("timing.js", "return [1, 2, 3, 4, 5, 6, 60].map((failures) => own.backoff_s(failures, 0))")
        self.assertEqual(whole, [1, 2, 4, 8, 16, 30, 30])
        least = self.call("timing.js", "return [1, 6].map((failures) => own.backoff_s(failures, 0.999999))")
        self.assertAlmostEqual(least[0], 0.5, 3)
        self.assertAlmostEqual(least[1], 15, 3)

    def test_times_and_sizes_are_told_as_people_do(self):
        self.assertEqual(self.call("timing.js", "return [0, 0.2, 59, 60, 125, 3600, 7800].map(own.span)"),
                         ["0 s", "1 s", "59 s", "1 min", "2 min 5 s", "1 h", "2 h 10 min"])
        self.assertEqual(self.call("words.js", "return [5, 1500, 999499, 1e6, 2.44e6, 33554432, 2e8].map(own.size_words)"),
                         ["5 bytes", "2 kB", "999 kB", "1.0 MB", "2.4 MB", "33.6 MB", "200 MB"])

    def test_every_reason_has_words_of_its_own(self):
        told = {reason: self.words(reason=reason) for reason in REASONS}
        for reason, words in told.items():
            self.assertRegex(words["title"], r"^[A-Z][a-z' ]+[a-z]$", reason)
            self.assertNotIn("_", words["title"] + words["text"])
            self.assertTrue(words["text"].endswith("."), reason)
        self.assertGreater(len({words["title"] for words in told.values()}), 18)

    def test_a_reason_nobody_knows_goes_by_its_status(self):
        for status, title in ((429, "Too many uploads at once"), (413, "The picture is too large"),
                              (415, "This is not a picture"), (503, "The service cannot do it just now"),
                              (504, "It took too long"), (500, "Something went wrong at the service"),
                              (404, "There is no such picture"), (418, "The service did not take it")):
            self.assertEqual(self.words(status=status, reason="constructor")["title"], title)

    def test_only_what_names_a_time_is_tried_again_unasked(self):
        self.assertEqual(self.words(status=503, reason="breaker_open", wait_s=12)["retry"], "wait")
        self.assertEqual(self.words(status=503, reason="breaker_open")["retry"], "click")
        self.assertEqual(self.words(status=502, reason="connect_failure", wait_s=12)["retry"], "click")
        self.assertEqual(self.words(status=415, reason="unsupported_media_type", wait_s=12)["retry"], "never")

    def test_a_limit_is_told_in_words(self):
        text = self.words(status=413, reason="body_too_large", detail="The image is larger than 33554432 bytes.")["text"]
        self.assertEqual(text, "It may have 33.6 MB at most. A smaller one will do.")

    def test_the_breaker_in_words(self):
        table = [({"state": "closed"}, "Breaker: closed, calls go through.", ""),
                 ({"state": "open", "reason": "consecutive_failures", "retry_in_s": 12},
                  "Breaker: open because several calls in a row failed.", "Next probe in 12 s."),
                 ({"state": "open", "reason": "failure_ratio", "retry_in_s": 0},
                  "Breaker: open because too many of the recent calls failed.", "A probe is due: the next call is one."),
                 ({"state": "open", "reason": "some_new_one", "retry_in_s": None},
                  "Breaker: open because some new one.", ""),
                 ({"state": "half_open"}, "Breaker: half open, a probe decides.", ""),
                 (None, "Breaker: nothing is known of it.", "")]
        answers = self.call("words.js", "return given[0].map((one) => [own.breaker_words(one), own.probe_words(one)])",
                            [breaker for breaker, *_ in table])
        self.assertEqual(answers, [[first, second] for _, first, second in table])

    def test_a_job_in_words(self):
        state = {"status": "retrying", "attempt": 2, "max_attempts": 5, "position": 3}
        self.assertEqual(self.call("words.js", "return own.attempt_words(given[0])", state),
                         "Attempt 2 of 5. Number 3 in the queue.")
        self.assertEqual(self.call("words.js", "return own.attempt_words({attempt: 0, position: null})"), "")
        self.assertEqual(self.call("words.js", "return own.job_words({status: 'processing'}).title"), "Being made")

    def test_a_problem_that_is_no_json_is_one_all_the_same(self):
        for body in ("<html>", "null", "7", '{"reason": 7}', ""):
            self.assertEqual(self.call("answer.js", "return own.problem_of(502, null, given[0])", body),
                             {"status": 502, "reason": "", "detail": "", "wait_s": None})


if __name__ == "__main__":
    unittest.main(verbosity=2)
