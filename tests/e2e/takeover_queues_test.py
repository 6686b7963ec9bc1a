"""What a takeover leaves of queues: those of a takeover that fails are as before, and so is all that belongs to them."""
import json
import unittest

from certificates import Authority
from programs import eventually, free_port, http as request, metric
from takeovers import ASYNC, Echo, Takeovers

CONFIG = """
workers: 1
shutdown_grace: 20s
log: {{access: off, format: json}}
takeover: {{socket: {folder}/takeover.sock}}
admin: {{address: "127.0.0.1:{admin}"}}
upstreams:
  up: {{endpoints: ["http://127.0.0.1:{upstream}"]}}
queues:
{queues}
listeners:
  - name: main
    address: "127.0.0.1:{proxy}"
    routes:
{routes}
      - {{name: all, match: {{path: "/*"}}, upstream: up}}
"""
QUEUE = '  {name}: {{url: "sqlite://{folder}/{name}.db", replay: {{backoff: {{base: 50ms, max: 500ms}}}}}}'
TLS_QUEUE = """  one:
    url: rediss://127.0.0.1:{closed}
    spool: {folder}/spool.db
    tls: {{ca_file: {ca}, cert_file: {folder}/mine.crt, key_file: {folder}/mine.key}}"""
ROUTE = "      - {{name: {name}, match: {{path: /job-{name}}}, upstream: up, fallback: {{enqueue: {{queue: {name}{callback}}}}}}}"
CALLBACK = ', callback: {{url: "http://127.0.0.1:{upstream}/", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}'


class Queues(Takeovers):
    template = CONFIG

    def queues(self, *names, callback=CALLBACK):
        """The changes of the configuration that has these queues, each with a route."""
        values = {**self.values, "callback": callback.format(**self.values)}
        return {"queues": "\n".join(QUEUE.format(name=name, **values) for name in names),
                "routes": "\n".join(ROUTE.format(name=name, **values) for name in names)}

    def reload(self, process, **changes):
        before = len(self.events(process, "config_reloaded"))
        self.values.update(changes)
        whole = self.folder / "whole.yaml"
        whole.write_text(CONFIG.format(**self.values))
        whole.rename(self.config_of(process))
        eventually("it is reloaded", lambda: len(self.events(process, "config_reloaded")) > before, 30)

    def fail_a_takeover(self, process, **stores):
        """By one that has got the queues."""
        self.peer_that_has_the_queues(stores).close()

        def is_back():
            self.assertIsNone(process.poll(), self.log_of(process)[-3000:])
            return self.last_step(process) == "waiting"
        eventually("the queues are back", is_back, 30)

    def store(self, name):
        return f"sqlite://{self.folder}/{name}.db"

    def enqueue(self, name):
        answer = request("POST", f"{self.url}/job-{name}", b"b" * 40, ASYNC)
        self.assertEqual(answer.status, 202, answer.body)
        return json.loads(answer.body)["job_id"]

    def assert_job_and_callback_succeed(self, process, name):
        job = self.enqueue(name)
        done = eventually("it has run", lambda: [
            each for each in self.events(process, "job_succeeded") if each["job_id"] == job], 30)
        eventually("it is known of", lambda: [
            each for each in self.events(process, "callback_succeeded") if each["request_id"] == done[0]["request_id"]], 30)

    def test_two_queues_with_callbacks_are_back_after_a_takeover_that_failed(self):
        old = self.start(**self.queues("one", "two"))
        self.fail_a_takeover(old, one=self.store("one"), two=self.store("two"))
        for name in ("one", "two"):
            self.assert_job_and_callback_succeed(old, name)
        self.take_over(old)

    def test_a_process_without_queues_serves_on_after_a_takeover_that_failed_and_is_taken_over_from(self):
        old = self.start(**self.queues())
        self.fail_a_takeover(old)
        self.assertEqual(self.steps(old)[-2:], ["returning", "waiting"])
        self.take_over(old)

    def test_a_queue_that_was_removed_before_a_takeover_that_failed_can_be_added_again(self):
        old = self.start(**self.queues("one", "two"))
        self.reload(old, **self.queues("one"))
        self.fail_a_takeover(old, one=self.store("one"))
        self.reload(old, **self.queues("one", "two"))
        self.assert_job_and_callback_succeed(old, "two")

    def test_a_callback_that_was_removed_before_a_takeover_that_failed_can_be_added_again(self):
        old = self.start(**self.queues("one"))
        self.reload(old, **self.queues("one", callback=""))
        self.fail_a_takeover(old, one=self.store("one"))
        self.reload(old, **self.queues("one"))
        self.assert_job_and_callback_succeed(old, "one")

    def test_the_certificate_of_a_queue_is_watched_before_and_after_a_takeover_that_failed(self):
        authority, closed = Authority(self.folder / "ours"), free_port()

        def renew(days):
            for made, end in zip(authority.issue("next", until_days=days), ("crt", "key")):
                made.rename(self.folder / f"mine.{end}")

        def expiry():
            return metric(self.admin, 'tidegate_tls_certificate_expiry_timestamp_seconds{name="one",section="queue"} ')

        renew(days=5)
        old = self.start(queues=TLS_QUEUE.format(closed=closed, ca=authority.file, **self.values), routes="")
        first = expiry()
        self.assertIsNotNone(first)
        self.assertEqual(request("POST", self.admin + "/api/reload", b"").json()["needs_restart"], [])
        self.fail_a_takeover(old, one=f"rediss://127.0.0.1:{closed}/0 {self.folder}/spool.db")
        self.assertEqual(expiry(), first)
        renew(days=10)
        eventually("the new one is used", lambda: expiry() > first + 4 * 86400, 30)
        self.assertEqual(request("POST", self.admin + "/api/reload", b"").json()["needs_restart"], [])

    def test_a_cancelled_job_of_a_queue_that_was_removed_is_in_no_takeovers_way(self):
        old = self.start(**self.queues("one", "two", callback=""))
        Echo.broken.set()
        job = self.enqueue("two")
        eventually("it does not run", lambda: request("DELETE", f"{self.url}/_jobs/{job}").status == 204, 30)
        self.reload(old, **self.queues("one", callback=""))
        self.take_over(old)

    def test_a_queue_that_holds_a_job_is_not_removed_by_a_takeover(self):
        old = self.start(**self.queues("one", "two", callback=""))
        job = self.enqueue("two")
        eventually("it has run", lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")
        new = self.launch(**self.queues("one", callback=""))
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertIn("queues.two: the new configuration has no such queue, which holds 1 job (1 succeeded): add it, or let it drain first", self.log_of(new))
        eventually("the old one serves on", lambda: self.last_step(old) == "waiting")
        self.take_over(old, **self.queues("one", "two", callback=""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
