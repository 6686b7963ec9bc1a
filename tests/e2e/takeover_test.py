"""One Tidegate takes over from another under load: nothing fails, no job is lost, and a takeover that fails changes nothing.
TAKEOVERS=100 is the campaign."""
import fcntl
import json
import os
import signal
import socket
import subprocess
import unittest

from programs import BIN, ROOT, eventually, free_port, http as request
from servers import Redis
from takeover_peer import COMMIT, RELEASED, Peer
from takeovers import ASYNC, CONFIG, LISTENER, Echo, Load, Takeovers

TAKEOVERS = int(os.environ.get("TAKEOVERS", "5"))


class Takeover(Takeovers):
    def takeovers_under_load(self, count=TAKEOVERS, **changes):
        old = self.start(**changes)
        load = Load(self.values["proxy"])
        for _ in range(count):
            enough = sum(load.served.values()) + 60
            eventually("the load is on", lambda enough=enough: sum(load.served.values()) >= enough)
            old = self.take_over(old)
        self.assert_nothing_lost(load)

    def test_takeovers_under_load_fail_no_request_and_lose_no_job_with_two_workers(self):
        self.takeovers_under_load(workers=2)

    def test_takeovers_under_load_fail_no_request_and_lose_no_job_with_one_worker(self):
        self.takeovers_under_load(workers=1)

    @unittest.skipUnless(Redis.is_here(), "no redis-server")
    def test_takeovers_with_a_queue_on_a_server_fail_no_request_and_lose_no_job(self):
        server = Redis(self.folder / "redis")
        self.addCleanup(server.end)
        server.start()
        self.takeovers_under_load(count=2, store=f'url: "redis://127.0.0.1:{server.port}/0", spool: {self.folder}/spool.db')

    def test_the_number_of_workers_and_the_listeners_may_differ(self):
        second, third = free_port(), free_port()
        old = self.start(workers=1, listeners=LISTENER.format(second))
        load = Load(self.values["proxy"])
        old = self.take_over(old, workers=3, listeners=LISTENER.format(third))
        self.assertEqual(request("GET", f"http://127.0.0.1:{third}/").status, 200)
        with self.assertRaises(OSError):
            request("GET", f"http://127.0.0.1:{second}/")
        old = self.take_over(old, workers=2, listeners="")
        self.assert_nothing_lost(load)

    def test_a_request_in_flight_that_becomes_a_job_afterwards_is_a_job_of_the_new_process(self):
        old = self.start()
        client = self.begin_job()
        new = self.start()
        self.assertIsNone(old.poll())
        client.send(b"a" * 20)
        answer = client.getresponse()
        text = answer.read()
        self.assertEqual(answer.status, 202, text)
        job = json.loads(text)["job_id"]
        self.assertEqual(old.wait(timeout=60), 0)
        eventually("the job runs", lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")
        self.assertIsNone(new.poll())

    def test_a_configuration_that_is_not_valid_changes_nothing(self):
        old = self.start()
        new = self.launch(listeners="nonsense")
        self.assertEqual(new.wait(timeout=60), 3)
        self.assertEqual(self.events(old, "takeover_step"), [])
        self.assertEqual(request("GET", self.url + "/a").status, 200)

    def test_an_address_that_cannot_be_used_changes_nothing(self):
        old = self.start()
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        new = self.launch(listeners=LISTENER.format(taken.getsockname()[1]))
        self.assertEqual(new.wait(timeout=60), 1)
        failed = eventually("the old one knows", lambda: self.events(old, "takeover_failed"))
        self.assertTrue(failed[0]["reason"].startswith("listen 127.0.0.1:"), failed)
        self.assertEqual(failed[0]["process"], new.pid)
        self.assertEqual(request("GET", self.url + "/a").status, 200)
        self.take_over(old, listeners="")

    def refuse_store(self, url, reason):
        """By a process that has the queue at `url`."""
        config = self.folder / "other.yaml"
        config.write_text(CONFIG.format(**{**self.values, "store": f'url: "{url}"'}))
        done = subprocess.run([BIN / "tidegate", "run", "--takeover", "-c", config], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(reason, done.stderr)
        eventually("the old one serves on", lambda: self.last_step(self.running[-1]) == "waiting")

    def refuse_empty_queue(self, url, reason):
        old = self.start()
        self.refuse_store(url, reason)
        load = Load(self.values["proxy"])
        eventually("the load is on", lambda: sum(load.served.values()) > 50)
        self.take_over(old)
        self.assert_nothing_lost(load)

    def test_a_queue_that_cannot_be_opened_there_comes_back(self):
        with open(self.folder / "other.db.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuse_empty_queue(f"sqlite://{self.folder}/other.db", "is in use by another process")

    def test_a_queue_that_takes_no_jobs_there_comes_back(self):
        (self.folder / "damaged.db").write_bytes(b"no database at all " * 1000)
        self.refuse_empty_queue(f"sqlite://{self.folder}/damaged.db", "queue jobs: store_damaged")

    def test_a_queue_that_holds_jobs_does_not_change_its_store(self):
        self.start()
        self.assertEqual(request("POST", self.url + "/job", b"b" * 40, ASYNC).status, 202)
        stores = [f"sqlite://{self.folder}/{name}.db" for name in ("other", "jobs")]
        self.refuse_store(stores[0], "queues.jobs: the new configuration has it in another store "
                          f"({stores[0]} instead of {stores[1]}), and it holds 1 job (")

    def test_a_queue_whose_file_stays_locked_refuses_jobs_after_a_while_and_comes_back(self):
        old = self.start()
        peer = self.peer_that_has_the_queues()
        with open(self.folder / "jobs.db.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            peer.close()
            answer = request("GET", self.url + "/_jobs/" + "0" * 32)
            self.assertEqual(answer.status, 503)
            self.assertEqual(request("POST", self.url + "/job", b"b" * 40, ASYNC).status, 503)
            self.assertEqual(request("GET", self.url + "/a").status, 200)
        eventually("the queue is back", lambda: self.last_step(old) == "waiting")
        self.assertEqual(request("POST", self.url + "/job", b"b" * 40, ASYNC).status, 202)
        self.take_over(old)

    def test_a_start_that_fails_at_its_end_changes_nothing(self):
        old = self.start()
        (self.folder / "takeover.sock.new").mkdir()
        self.assertEqual(self.launch().wait(timeout=60), 1)
        eventually("the old one serves on", lambda: self.last_step(old) == "waiting")
        (self.folder / "takeover.sock.new").rmdir()
        self.take_over(old)

    def kill_new_in(self, step):
        """A peer that follows the protocol and is gone in the given step."""
        old = self.start()
        load = Load(self.values["proxy"])
        eventually("the load is on", lambda: sum(load.served.values()) > 50)
        peer = Peer(self.folder / "takeover.sock")
        peer.hello()
        if step != "offering":
            peer.prepared(self.addresses(), self.stores())
        if step in ("opening", "committing"):
            peer.await_kind(RELEASED)
        if step == "committing":
            peer.opened()
            peer.await_kind(COMMIT)
        peer.close()
        eventually("the old one serves on", lambda: self.last_step(old) == "waiting")
        self.take_over(old)
        self.assert_nothing_lost(load)

    def test_a_new_process_that_ends_while_it_prepares_changes_nothing(self):
        self.kill_new_in("offering")

    def test_a_new_process_that_ends_while_jobs_end_changes_nothing(self):
        self.kill_new_in("ending_jobs")

    def test_a_new_process_that_ends_while_it_opens_the_queues_changes_nothing(self):
        self.kill_new_in("opening")

    def test_a_new_process_that_ends_before_it_serves_changes_nothing(self):
        self.kill_new_in("committing")

    def test_a_queue_that_a_reload_has_removed_is_in_no_takeovers_way(self):
        queue = self.values["store"]
        old = self.start(store=f'{queue}}}\n  more: {{url: "sqlite://{self.folder}/more.db"')
        (self.folder / "0.yaml").write_text(CONFIG.format(**{**self.values, "store": queue}))
        old.send_signal(signal.SIGHUP)
        eventually("it is reloaded", lambda: self.events(old, "config_reloaded"))
        for _ in range(2):
            self.peer_that_has_the_queues().close()
            eventually("the old one serves on", lambda: self.last_step(old) == "waiting")
        self.take_over(old, store=queue)

    def test_a_second_takeover_meanwhile_is_refused(self):
        old = self.start()
        peer = Peer(self.folder / "takeover.sock")
        self.addCleanup(peer.close)
        peer.hello()
        new = self.launch()
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertIn("another takeover is under way", self.log_of(new))
        self.assertEqual(len(self.events(old, "takeover_refused")), 1)
        self.assertEqual(request("GET", self.admin + "/api/status").json()["takeover"], "offering")
        peer.close()
        self.take_over(old)

    def test_an_old_process_that_is_killed_while_its_jobs_end_leaves_a_new_one_that_serves(self):
        old = self.start()
        body = b"s" * 40
        job = json.loads(request("POST", self.url + "/job?slow", body, ASYNC).body)["job_id"]
        eventually("the job runs", lambda: Echo.seen[body] == 1)
        new = self.launch()
        eventually("the old one waits for it", lambda: self.last_step(old) == "ending_jobs")
        old.kill()
        self.await_serving(new)
        self.assertEqual(self.steps(new), ["prepared", "alone"])
        eventually("the job runs again", lambda: request("GET", f"{self.url}/_jobs/{job}").json()["status"] == "succeeded")

    def test_new_processes_that_are_killed_at_any_step_lose_no_job(self):
        serving = self.start()
        load = Load(self.values["proxy"])
        for step in ("prepared", "opening", "serving") * 3:
            new = self.launch()
            eventually(f"it is at {step}", lambda new=new, step=step: step in self.steps(new))
            new.kill()
            new.wait()
            eventually("the old one has noticed", lambda: serving.poll() is not None or
                       self.last_step(serving) in ("waiting", "handed_over"))
            if self.last_step(serving) == "handed_over":  # what is in flight may fail then; no job is lost
                serving.wait(timeout=60)
                serving = self.start()
        load.end()
        everything = {"succeeded": len(load.jobs)}
        eventually("every job has succeeded", lambda: self.statuses(load) == everything, 120)

    def test_without_a_process_to_take_over_from_it_starts(self):
        process = self.start()
        self.assertEqual(len(self.events(process, "takeover_not_needed")), 1)

    def test_from_a_process_that_was_started_without_a_socket_nobody_takes_over_and_the_reason_says_so(self):
        self.template = CONFIG.replace("takeover: {{socket: {folder}/takeover.sock}}\n", "")
        self.values["workers"] = 1
        config = self.folder / "without.yaml"
        config.write_text(self.template.format(**self.values))
        with open(self.folder / "without.log", "wb") as log:
            old = subprocess.Popen([BIN / "tidegate", "run", "-c", config], stdout=log, stderr=log, cwd=ROOT)
        self.addCleanup(old.wait, 30)
        self.addCleanup(old.kill)
        eventually("it serves", lambda: '"serving"' in (self.folder / "without.log").read_text(), 60)
        self.template = CONFIG
        new = self.launch()
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertIn(f"another process listens there, but none on {self.folder}/takeover.sock: it was started without",
                      self.events(new, "cannot_start")[0]["reason"])

    def test_a_new_process_that_is_told_to_stop_while_it_waits_says_so(self):
        old = self.start()
        request("POST", self.url + "/job?slow", b"s" * 40, ASYNC)
        eventually("the job runs", lambda: Echo.seen[b"s" * 40] == 1)
        new = self.launch()
        eventually("it waits", lambda: self.last_step(new) == "prepared")
        new.send_signal(signal.SIGTERM)
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertEqual(self.events(new, "cannot_start")[0]["reason"], "takeover: SIGTERM before it was done")
        eventually("the old one serves on", lambda: self.last_step(old) == "waiting")
        self.assertEqual([each["reason"] for each in self.events(old, "takeover_failed")], ["SIGTERM before it was done"])
        self.take_over(old)

    def test_the_log_says_which_sockets_were_taken_over(self):
        second = free_port()
        new = self.take_over(self.start(), listeners=LISTENER.format(second))

        def listening(process):
            return {(each["listener"], each["address"], each["from"]) for each in self.events(process, "listening")}
        ours = [(name, f"127.0.0.1:{self.values[port]}") for name, port in (("admin", "admin"), ("main", "proxy"))]
        self.assertEqual(listening(self.running[0]), {(*each, "own") for each in ours})
        self.assertEqual(listening(new), {(*each, "taken_over") for each in ours} | {("second", f"127.0.0.1:{second}", "own")})


if __name__ == "__main__":
    unittest.main(verbosity=2)
