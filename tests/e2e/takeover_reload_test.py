"""Takeovers and reloads of the configuration at the same time."""
import shutil
import signal
import subprocess
import unittest

from programs import BIN, eventually, free_port, http as request
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

    def check(self, process):
        done = subprocess.run([BIN / "tidegate", "check", self.config_of(process)], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    def test_a_reload_does_not_look_at_the_folder_of_the_socket_that_it_has_already(self):
        runtime = self.folder / "run"
        runtime.mkdir()
        self.template = CONFIG.replace("/takeover.sock", "/run/takeover.sock")
        old = self.start()
        text = self.config_of(old).read_text()
        shutil.rmtree(runtime)
        self.rename_config("0.yaml", text.replace("grace: 20s", "grace: 19s"))
        self.assertEqual(request("POST", self.admin + "/api/reload").status, 200)
        code, report = self.check(old)
        self.assertEqual(code, 0, report)
        self.assertIn("warning: takeover.socket: its folder", report)
        runtime.mkdir()
        runtime.chmod(0o777)
        self.rename_config("0.yaml", text.replace("grace: 20s", "grace: 18s"))
        self.assertEqual(request("POST", self.admin + "/api/reload").status, 200)
        self.assertEqual(self.check(old)[0], 3)
        self.rename_config("0.yaml", text.replace("takeover.sock", "another.sock"))
        self.assertEqual(request("POST", self.admin + "/api/reload").status, 409)

    def test_a_start_says_that_the_folder_of_the_socket_is_missing(self):
        self.template = CONFIG.replace("/takeover.sock", "/run/takeover.sock")
        process = self.launch()
        self.assertEqual(process.wait(timeout=60), 1)
        self.assertEqual(self.events(process, "cannot_start")[0]["reason"],
                         f"takeover: cannot listen on {self.folder}/run/takeover.sock: its folder {self.folder}/run: "
                         "No such file or directory")

    def test_the_file_may_be_replaced_just_before_a_takeover(self):
        old = self.many_routes()
        self.rename_config("0.yaml", CONFIG.format(**self.values) + "# another\n")
        self.take_over(old)


if __name__ == "__main__":
    unittest.main(verbosity=2)
