"""A process that is told to stop while another one takes over from it."""
import fcntl
import json
import signal
import unittest

from programs import eventually, http as request
from takeover_peer import COMMIT, REFUSED, Peer
from takeovers import Echo, Takeovers


class StopInATakeover(Takeovers):
    def test_a_signal_meanwhile_stops_as_ever_and_cuts_nothing_off(self):
        old = self.start()
        client = self.begin_slow(2)
        peer = self.peer_that_has_the_queues()
        with open(self.folder / "jobs.db.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            peer.close()
            eventually("it wants them back", lambda: self.last_step(old) == "returning")
            old.send_signal(signal.SIGTERM)
            self.assertEqual(client.getresponse().status, 200)
            self.assertEqual(old.wait(timeout=60), 0)

    def test_a_signal_to_a_process_that_has_been_taken_over_from_cuts_nothing_off(self):
        old = self.start()
        client = self.begin_slow(3)
        self.start()
        old.send_signal(signal.SIGTERM)
        self.assertEqual(client.getresponse().status, 200)
        self.assertEqual(old.wait(timeout=60), 0)

    def test_a_stop_while_a_takeover_is_under_way_stops(self):
        old = self.start()
        peer = self.peer_that_has_the_queues()
        self.addCleanup(peer.close)
        old.send_signal(signal.SIGTERM)
        self.assertEqual(old.wait(timeout=60), 0)

    def test_a_process_that_has_connected_before_the_signal_is_refused_after_it(self):
        old = self.start()
        client = self.begin_job()
        peer = Peer(self.folder / "takeover.sock")
        self.addCleanup(peer.close)
        self.assertEqual(request("GET", self.admin + "/health").status, 200)  # the connection is accepted by then
        old.send_signal(signal.SIGTERM)
        eventually("it drains", lambda: self.events(old, "draining"), 5)
        peer.send_hello()
        answer = peer.socket.recv(65536)
        self.assertEqual((answer[1], answer[2:30]), (REFUSED, b"this process is told to stop"))
        client.send(b"a" * 20)
        self.assertEqual(client.getresponse().status, 202)
        self.assertEqual(old.wait(timeout=60), 0)
        self.assertEqual(self.steps(old), [])

    def test_who_finds_a_process_that_stops_is_told_to_start_again_when_it_has_ended(self):
        old = self.start()
        client = self.begin_job()
        old.send_signal(signal.SIGTERM)
        eventually("it drains", lambda: self.events(old, "draining"), 5)
        new = self.launch()
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertIn("Or it is stopping: start this one again when it has ended", self.events(new, "cannot_start")[0]["reason"])
        client.send(b"a" * 20)
        self.assertEqual(client.getresponse().status, 202)
        self.assertEqual(old.wait(timeout=60), 0)

    def peer_that_commits(self):
        peer = self.peer_that_has_the_queues()
        self.addCleanup(peer.close)
        peer.opened()
        peer.await_kind(COMMIT)
        return peer

    def stop_in_committing(self, serves_later):
        old = self.start()
        client = self.begin_slow(2)
        peer = self.peer_that_commits()
        old.send_signal(signal.SIGTERM)
        eventually("it drains", lambda: self.events(old, "draining"), 5)
        if serves_later:
            peer.serving()
            eventually("all is handed over", lambda: self.last_step(old) == "handed_over")
        self.assertEqual(client.getresponse().status, 200)
        self.assertEqual(old.wait(timeout=15), 0)
        self.assertEqual(len(self.events(old, "draining")), 1)

    def test_a_stop_while_the_new_process_is_silent_drains(self):
        self.stop_in_committing(serves_later=False)

    def test_a_stop_just_before_the_new_process_serves_drains(self):
        self.stop_in_committing(serves_later=True)

    def test_a_queue_comes_back_to_a_process_that_drains(self):
        old = self.start()
        client = self.begin_job()
        peer = self.peer_that_commits()
        old.send_signal(signal.SIGTERM)
        eventually("it drains", lambda: self.events(old, "draining"), 5)
        peer.close()
        eventually("the queue is back", lambda: self.last_step(old) == "waiting")
        client.send(b"a" * 20)
        answer = client.getresponse()
        job = json.loads(answer.read())["job_id"]
        self.assertEqual(answer.status, 202)
        self.assertEqual(old.wait(timeout=60), 0)
        self.assertEqual(Echo.seen[b"a" * 40], 0)
        self.start()
        eventually("the job runs", lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
