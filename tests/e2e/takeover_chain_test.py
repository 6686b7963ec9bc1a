"""A takeover from a process that has itself just taken over: the one before it still has requests in flight, which reach
the queues through it."""
import json
import socket
import struct
import subprocess
import unittest

from programs import BIN, eventually, http as request
from takeover_peer import WAIT
from takeovers import Takeovers


class Chain(Takeovers):
    def begin_chain(self):
        """The first process, which drains with an upload in flight; the client of that; the second process; the third."""
        first = self.start()
        client = self.begin_job()
        second = self.start()
        third = self.launch()
        eventually("the second one waits", lambda: self.last_step(second) == "awaiting_predecessor")
        self.assertIsNone(first.poll())
        return first, client, second, third

    def finish_job(self, client):
        client.send(b"a" * 20)
        answer = client.getresponse()
        text = answer.read()
        self.assertEqual(answer.status, 202, text)
        return json.loads(text)["job_id"]

    def test_it_waits_until_the_process_before_has_ended_and_no_request_fails(self):
        first, client, second, third = self.begin_chain()
        reason = f"process {first.pid} still drains: take over when it has ended"
        eventually("the third one says so", lambda: [
            each for each in self.events(third, "takeover_waits") if each["reason"] == reason and each["process"] == second.pid])
        self.assertEqual(request("GET", self.url + "/a").status, 200)
        job = self.finish_job(client)
        self.assertEqual(first.wait(timeout=60), 0)
        self.await_serving(third)
        self.assertEqual(second.wait(timeout=60), 0)
        eventually("the job runs", lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")
        for process in (first, second, third):
            self.assertEqual(self.events(process, "takeover_failed") + self.events(process, "takeover_refused"), [])

    def test_the_status_says_that_the_process_before_still_drains_and_who_takes_over(self):
        first = self.start()
        client = self.begin_job()
        second = self.start()

        def takeover():
            status = request("GET", self.admin + "/api/status").json()
            return status["takeover"], status["takeover_process"]

        def text():
            return subprocess.run([BIN / "tidegate", "status", "--admin", f"127.0.0.1:{self.values['admin']}"],
                                  capture_output=True, text=True, timeout=60).stdout
        self.assertEqual(takeover(), ("predecessor_draining", first.pid))
        self.assertIn(f"takeover: process {first.pid} still drains, which this one has taken over from", text())
        third = self.launch()
        eventually("the third one is named", lambda: takeover() == ("awaiting_predecessor", third.pid))
        self.assertIn(f"takeover: awaiting_predecessor, by process {third.pid}\n", text())
        third.kill()
        eventually("it is gone", lambda: takeover() == ("predecessor_draining", first.pid))
        self.finish_job(client)
        self.assertEqual(first.wait(timeout=60), 0)
        eventually("the first one is gone", lambda: takeover() == ("waiting", None))
        self.assertNotIn("takeover", text())
        self.assertIsNone(second.poll())

    def test_who_is_told_to_wait_does_not_wait_much_longer(self):
        serving = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(serving.close)
        serving.bind(str(self.folder / "takeover.sock"))
        serving.listen(1)
        new = self.launch()
        connection, _ = serving.accept()
        self.addCleanup(connection.close)
        reason = b"something else"
        connection.send(b"i" + bytes([WAIT]) + struct.pack("<QQ", 100, len(reason)) + reason)
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertEqual([(each["reason"], each["limit_s"]) for each in self.events(new, "takeover_waits")], [(reason.decode(), 0.1)])
        self.assertEqual(self.events(new, "cannot_start")[0]["reason"], "takeover: receive: the other process does not respond")

    def test_where_there_are_no_queues_nothing_waits_for_the_process_before(self):
        queue = self.template[self.template.index("queues:\n"):self.template.index("listeners:\n")]
        job = next(line for line in self.template.splitlines(True) if "/job*" in line)
        self.template = self.template.replace(queue, "").replace(job, "")
        first = self.start()
        client = self.begin_slow(4)
        second = self.start()
        third = self.start()
        self.assertIsNone(first.poll())
        self.assertEqual(second.wait(timeout=60), 0)
        self.assertNotIn("awaiting_predecessor", self.steps(second))
        self.assertEqual(client.getresponse().status, 200)
        self.assertEqual(first.wait(timeout=60), 0)
        for process in (first, second, third):
            self.assertEqual(self.events(process, "takeover_failed"), [])

    def test_it_goes_on_where_the_process_before_is_killed(self):
        first, _, second, third = self.begin_chain()
        first.kill()
        self.await_serving(third)
        self.assertEqual(second.wait(timeout=60), 0)

    def test_it_is_refused_where_the_process_before_does_not_end_in_time(self):
        first = self.start()
        client = self.begin_job()
        self.template = self.template.replace("shutdown_grace: 20s", "shutdown_grace: 1s")
        second = self.start()
        third = self.launch()
        self.assertEqual(third.wait(timeout=60), 1)
        self.assertIn(f"takeover: refused: process {first.pid} still drains: take over when it has ended", self.log_of(third))
        eventually("the second one serves on", lambda: self.last_step(second) == "waiting")
        self.assertEqual(len(self.events(second, "takeover_failed")), 1)
        self.finish_job(client)
        self.assertEqual(first.wait(timeout=60), 0)
        self.take_over(second)


if __name__ == "__main__":
    unittest.main(verbosity=2)
