"""The pure modules of the page, imported as they are served: retry times and texts."""
import unittest

from page_case import PageCase

REASONS = """rate_limited body_too_large image_too_large unsupported_media_type bad_image bad_request headers_too_large
client_timeout idempotency_conflict breaker_open bulkhead_full pool_full queue_full queue_unavailable busy draining
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
        results = self.call("timing.js", "return given[0].map((value) => own.retry_after_s(value, given[1]))",
                            [value for value, _ in table], now_ms)
        self.assertEqual(results, [seconds for _, seconds in table])

    def test_the_back_off_doubles_to_half_a_minute_and_is_jittered_downwards(self):
        whole = self.call("timing.js", "return [1, 2, 3, 4, 5, 6, 60].map((failures) => own.backoff_s(failures, 0))")
        self.assertEqual(whole, [1, 2, 4, 8, 16, 30, 30])
        least = self.call("timing.js", "return [1, 6].map((failures) => own.backoff_s(failures, 0.999999))")
        self.assertAlmostEqual(least[0], 0.5, 3)
        self.assertAlmostEqual(least[1], 15, 3)

    def test_times_and_sizes_are_formatted(self):
        self.assertEqual(self.call("timing.js", "return [0, 0.2, 59, 60, 125, 3600, 7800].map(own.span)"),
                         ["0 s", "1 s", "59 s", "1 min", "2 min 5 s", "1 h", "2 h 10 min"])
        self.assertEqual(self.call("words.js", "return [5, 1500, 999499, 1e6, 2.44e6, 33554432, 2e8].map(own.size_words)"),
                         ["5 bytes", "2 kB", "999 kB", "1.0 MB", "2.4 MB", "33.6 MB", "200 MB"])

    def test_every_reason_has_its_own_words(self):
        words_by_reason = {reason: self.words(reason=reason) for reason in REASONS}
        for reason, words in words_by_reason.items():
            self.assertRegex(words["title"], r"^[A-Z][a-z' ]+[a-z]$", reason)
            self.assertNotIn("_", words["title"] + words["text"])
            self.assertTrue(words["text"].endswith("."), reason)
        self.assertGreater(len({words["title"] for words in words_by_reason.values()}), 18)

    def test_an_unknown_reason_gets_the_words_of_its_status(self):
        for status, title in ((429, "Too many uploads at once"), (413, "The picture is too large"),
                              (415, "This is not a picture"), (503, "The service is unavailable"),
                              (504, "The optimizer did not respond in time"), (500, "Something went wrong"),
                              (404, "Picture not found"), (418, "The upload was rejected")):
            self.assertEqual(self.words(status=status, reason="constructor")["title"], title)

    def test_only_a_problem_with_a_time_is_retried_automatically(self):
        self.assertEqual(self.words(status=503, reason="breaker_open", wait_s=12)["retry"], "wait")
        self.assertEqual(self.words(status=503, reason="breaker_open")["retry"], "click")
        self.assertEqual(self.words(status=502, reason="connect_failure", wait_s=12)["retry"], "click")
        self.assertEqual(self.words(status=415, reason="unsupported_media_type", wait_s=12)["retry"], "never")

    def test_a_size_limit_is_formatted(self):
        text = self.words(status=413, reason="body_too_large", detail="The image is larger than 33554432 bytes.")["text"]
        self.assertEqual(text, "The limit is 33.6 MB. Choose a smaller picture.")

    def test_the_words_of_the_breaker(self):
        table = [({"state": "closed"}, "Breaker: closed. Requests pass.", ""),
                 ({"state": "open", "reason": "consecutive_failures", "retry_in_s": 12},
                  "Breaker: open because several requests in a row failed.", "Next probe in 12 s."),
                 ({"state": "open", "reason": "failure_ratio", "retry_in_s": 0},
                  "Breaker: open because too many recent requests failed.", "The next request is a probe."),
                 ({"state": "open", "reason": "some_new_one", "retry_in_s": None},
                  "Breaker: open because some new one.", ""),
                 ({"state": "half_open"}, "Breaker: half open. A probe is running.", ""),
                 (None, "Breaker: state unknown.", "")]
        results = self.call("words.js", "return given[0].map((one) => [own.breaker_words(one), own.probe_words(one)])",
                            [breaker for breaker, *_ in table])
        self.assertEqual(results, [[first, second] for _, first, second in table])

    def test_the_words_of_a_job(self):
        state = {"status": "retrying", "attempt": 2, "max_attempts": 5, "position": 3}
        self.assertEqual(self.call("words.js", "return own.attempt_words(given[0])", state),
                         "Attempt 2 of 5. Number 3 in the queue.")
        self.assertEqual(self.call("words.js", "return own.attempt_words({attempt: 0, position: null})"), "")
        self.assertEqual(self.call("words.js", "return [1, 7].map((n) => own.attempt_words({attempt: 0, deferrals: n}))"),
                         ["Tried once during the outage.", "Tried 7 times during the outage."])
        self.assertEqual(self.call("words.js", "return own.job_words({status: 'processing'}).title"), "Processing")

    def test_a_problem_that_is_not_json(self):
        for body in ("<html>", "null", "7", '{"reason": 7}', ""):
            self.assertEqual(self.call("response.js", "return own.problem_of(502, null, given[0])", body),
                             {"status": 502, "reason": "", "detail": "", "wait_s": None})


if __name__ == "__main__":
    unittest.main(verbosity=2)
