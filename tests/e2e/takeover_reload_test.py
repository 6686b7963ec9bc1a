"""Takeovers and reloads of the configuration at the same time."""
import signal
import time
import unittest

from programs import eventually, free_port
from takeover_peer import Peer
from takeovers import CONFIG, Takeovers

# So many that a reload takes a while.
ROUTES = "".join(f'      - {{name: r{i}, match: {{path: "/r{i}/*"}}, upstream: up}}\n' for i in range(1500))
LISTENER = '  - name: many\n    address: "127.0.0.1:{}"\n    routes:\n'


class ReloadInATakeover(Takeovers):
    def rename_config(self, text):
        """Replaces that of the first process."""
        (self.folder / "next.yaml").write_text(text)
        (self.folder / "next.yaml").rename(self.folder / "0.yaml")

    def many_routes(self):
        return self.start(listeners=LISTENER.format(free_port()) + ROUTES)

    def test_a_takeover_waits_for_the_end_of_a_reload(self):
        old = self.many_routes()
        for _ in range(3):
            old.send_signal(signal.SIGHUP)
            time.sleep(0.02)
            peer = Peer(self.folder / "takeover.sock")
            peer.hello()
            peer.close()
            eventually("it is over", lambda: self.last_step(old) == "waiting")
        self.assertIn("awaiting_reload", [each["step"] for each in self.events(old, "takeover_step")])
        self.assertEqual(self.events(old, "takeover_refused") + self.events(old, "config_reload_refused"), [])
        self.take_over(old)

    def test_a_process_that_ends_while_it_waits_for_a_reload_is_forgotten(self):
        old = self.many_routes()
        old.send_signal(signal.SIGHUP)
        time.sleep(0.02)
        peer = Peer(self.folder / "takeover.sock")
        peer.send_hello()
        peer.close()
        eventually("it is over", lambda: self.last_step(old) == "waiting")
        self.take_over(old)

    def test_the_file_may_be_replaced_just_before_a_takeover(self):
        old = self.many_routes()
        self.rename_config(CONFIG.format(**self.values) + "# another\n")
        self.take_over(old)


if __name__ == "__main__":
    unittest.main(verbosity=2)
