"""Takeovers and reloads of the configuration at the same time."""
import signal
import unittest

from programs import eventually, free_port, http as request
from takeover_peer import Peer
from takeovers import ASYNC, CONFIG, LISTENER, Echo, Takeovers

# So many that a reload takes a while.
ROUTES = "".join(f'      - {{name: r{i}, match: {{path: "/r{i}/*"}}, upstream: up}}\n' for i in range(1500))
MANY = '  - name: many\n    address: "127.0.0.1:{}"\n    routes:\n'


class ReloadInATakeover(Takeovers):
    def rename_config(self, name, text):
        (self.folder / "next.yaml").write_text(text)
        (self.folder / "next.yaml").rename(self.folder / name)

    def many_routes(self):
        return self.start(listeners=MANY.format(free_port()) + ROUTES)

    def come_during_a_reload(self, old, say_hello):
        def attempt():
            over = self.steps(old).count("waiting")
            old.send_signal(signal.SIGHUP)
            peer = Peer(self.folder / "takeover.sock")
            say_hello(peer)
            peer.close()
            eventually("it is over", lambda: self.steps(old).count("waiting") > over)
            return "awaiting_reload" in self.steps(old)
        eventually("a reload is under way", attempt)

    def test_a_takeover_waits_for_the_end_of_a_reload(self):
        old = self.many_routes()
        self.come_during_a_reload(old, Peer.hello)
        self.assertEqual(self.events(old, "takeover_refused") + self.events(old, "config_reload_refused"), [])
        self.take_over(old)

    def test_a_process_that_ends_while_it_waits_for_a_reload_is_forgotten(self):
        old = self.many_routes()
        self.come_during_a_reload(old, Peer.send_hello)
        self.take_over(old)

    def test_a_file_that_is_replaced_while_another_process_takes_over_is_reloaded_by_that_one(self):
        old = self.start()
        body = b"s" * 40
        self.assertEqual(request("POST", self.url + "/job?slow", body, ASYNC).status, 202)
        eventually("the job runs", lambda: Echo.seen[body] == 1)
        new = self.launch()
        eventually("the new one has loaded the file", lambda: self.last_step(old) == "ending_jobs")
        self.rename_config("1.yaml", CONFIG.format(**self.values).replace("grace: 20s", "grace: 7s"))
        self.await_serving(new)
        eventually("it is reloaded", lambda: self.events(new, "config_reloaded"))
        self.assertIn("shutdown_grace", self.events(new, "config_reloaded")[0]["changes"])
        self.assertEqual(self.events(old, "config_reloaded"), [])

    def test_a_listener_that_a_reload_has_just_removed_is_there_after_a_takeover(self):
        second = free_port()
        old = self.start(listeners=LISTENER.format(second))
        self.rename_config("0.yaml", CONFIG.format(**{**self.values, "listeners": ""}))
        self.assertEqual(request("POST", self.admin + "/api/reload").status, 200)
        self.take_over(old)
        self.assertEqual(request("GET", f"http://127.0.0.1:{second}/").status, 200)

    def test_the_file_may_be_replaced_just_before_a_takeover(self):
        old = self.many_routes()
        self.rename_config("0.yaml", CONFIG.format(**self.values) + "# another\n")
        self.take_over(old)


if __name__ == "__main__":
    unittest.main(verbosity=2)
