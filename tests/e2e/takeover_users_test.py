"""Who may take over, and from whom: the same user alone. The takeover socket is nobody else's to take away."""
import os
import subprocess
import unittest

from programs import BIN, eventually, free_port
from takeovers import CONFIG, Takeovers

NOBODY = 65534


@unittest.skipUnless(os.geteuid() == 0, "only root can be another user")
class OtherUsers(Takeovers):
    def as_nobody(self, code):
        return ["python3", "-c", f"import os, socket, sys\nos.setuid({NOBODY})\n"
                "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n" + code, self.folder / "takeover.sock"]

    def test_another_user_does_not_take_over(self):
        old = self.start()
        os.chmod(self.folder, 0o755)
        os.chmod(self.folder / "takeover.sock", 0o666)
        code = "s.connect(sys.argv[1])\ns.send(b'i\\x01tidegate-takeover-2')\nprint(s.recv(1000))"
        done = subprocess.run(self.as_nobody(code), capture_output=True, text=True, timeout=60)
        self.assertIn("only the user of this process may take over", done.stdout, done.stderr)
        self.assertEqual(len(self.events(old, "takeover_refused")), 1)

    def test_nobody_takes_over_from_another_user(self):
        os.chmod(self.folder, 0o1777)
        impostor = subprocess.Popen(self.as_nobody("s.bind(sys.argv[1])\ns.listen()\ns.accept()[0].recv(1)"))
        self.addCleanup(impostor.wait, 30)
        self.addCleanup(impostor.kill)
        eventually("it listens", (self.folder / "takeover.sock").exists)
        new = self.launch()
        self.assertEqual(new.wait(timeout=60), 1)
        self.assertIn("a process of another user listens on", self.log_of(new))


class Socket(Takeovers):
    def run_beside(self):
        """Another instance, with the path of the takeover socket in common."""
        config = self.folder / "beside.yaml"
        values = {**self.values, "admin": free_port(), "proxy": free_port(), "store": f'url: "sqlite://{self.folder}/beside.db"'}
        config.write_text(CONFIG.format(**values))
        return subprocess.run([BIN / "tidegate", "run", "-c", config], capture_output=True, text=True, timeout=60)

    def test_an_ordinary_start_does_not_take_the_socket_away(self):
        old = self.start()
        done = self.run_beside()
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process listens on", done.stderr)
        self.take_over(old)

    def test_what_is_no_socket_is_not_replaced(self):
        path = self.folder / "takeover.sock"
        path.write_text("precious")
        done = self.run_beside()
        self.assertEqual(done.returncode, 3)
        self.assertIn("takeover.socket: a file is there that is no socket", done.stderr)
        self.assertEqual(path.read_text(), "precious")

    def test_a_folder_in_which_anyone_may_replace_it_is_refused(self):
        os.chmod(self.folder, 0o777)
        done = self.run_beside()
        self.assertEqual(done.returncode, 3)
        self.assertIn("takeover.socket: every user may remove or replace what is in its folder", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
