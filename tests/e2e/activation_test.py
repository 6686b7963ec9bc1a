"""Listening sockets that the service manager has opened (systemd socket activation), given as systemd gives them: the
descriptors from 3 on, and LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES."""
import datetime
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from programs import BIN, Program, WithOptimizer, eventually, events, free_port, http

RESTARTS = int(os.environ.get("RESTARTS", "3"))
CLIENTS = 6
# Becomes the program of its arguments with the descriptors of the first one from 3 on.
LAUNCHER = """
import os, sys
given = [int(fd) for fd in sys.argv[1].split(",")]
for at, fd in enumerate(given):
    os.dup2(fd, 100 + at, inheritable=False)
for at in range(len(given)):
    os.dup2(100 + at, 3 + at, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""
CONFIG = """
workers: 2
admin: {{address: "127.0.0.1:{admin}"}}
log: {{access: off}}
upstreams: {{optimizer: {{endpoints: ["http://127.0.0.1:{upstream}"]}}}}
listeners:
  - {{name: web, address: "127.0.0.1:{web}", routes: [{{name: all, match: {{path: "/*"}}, upstream: optimizer}}]}}
"""
SECOND = """  - {{name: second, address: "127.0.0.1:{}", routes: [{{name: second, match: {{path: "/*"}}, upstream: optimizer}}]}}
"""


def listening(port, host="127.0.0.1"):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen(1024)
    return made


class Activation(WithOptimizer):
    def setUp(self):
        self.ports = {"web": free_port(), "admin": free_port()}
        self.admin = f"http://127.0.0.1:{self.ports['admin']}/health"
        self.web = f"http://127.0.0.1:{self.ports['web']}/health"

    def write_config(self, listeners=""):
        config = self.folder / f"{self.ports['web']}.yaml"
        config.write_text(CONFIG.format(upstream=self.upstream, **self.ports) + listeners)
        return config

    def program(self, sockets, names, environment=None, listeners=""):
        for each in sockets:
            os.set_inheritable(each.fileno(), True)
            self.addCleanup(each.close)
        config = self.write_config(listeners)
        descriptors = ",".join(str(each.fileno()) for each in sockets)
        program = Program("tidegate", [sys.executable, "-c", LAUNCHER, descriptors, names, BIN / "tidegate", "run", "-c", config],
                          config.with_suffix(".log"), self.admin, environment, keep_descriptors=True)
        self.addCleanup(program.stop)
        return program

    def test_listeners_and_the_admin_interface_take_the_sockets_of_their_addresses(self):
        sockets = [listening(self.ports["admin"]), listening(self.ports["web"])]
        program = self.program(sockets, "one:other")
        program.start()
        for _ in range(20):
            self.assertEqual(http("GET", self.web).status, 200)
        self.assertEqual(program.stop(), 0)

    def test_a_socket_of_another_address_goes_to_the_listener_of_its_name(self):
        port = free_port()
        program = self.program([listening(self.ports["web"], "0.0.0.0"), listening(port)], "web:web")
        program.start()
        self.assertEqual(http("GET", self.web).status, 200)
        self.assertEqual(http("GET", f"http://127.0.0.1:{port}/health").status, 200)
        where = {(each["listener"], each["address"], each["from"]) for each in events(program.text(), "listening")}
        self.assertEqual(where, {("admin", f"127.0.0.1:{self.ports['admin']}", "own"),
                                 ("web", f"0.0.0.0:{self.ports['web']}", "inherited"),
                                 ("web", f"127.0.0.1:{port}", "inherited")})

    def test_a_socket_that_no_listener_has_is_an_error(self):
        port = free_port()
        program = self.program([listening(self.ports["web"]), listening(port)], "web:other")
        with self.assertRaises(AssertionError):
            program.start()
        self.assertEqual(program.process.returncode, 1)
        self.assertIn(f"inherited socket 4 (other) listens on 127.0.0.1:{port}, and no listener has that address",
                      program.text())

    def test_a_descriptor_that_does_not_listen_is_an_error(self):
        program = self.program([socket.socket(socket.AF_INET, socket.SOCK_DGRAM)], "web")
        with self.assertRaises(AssertionError):
            program.start()
        self.assertEqual(events(program.text(), "cannot_start")[0]["reason"],
                         "inherited socket 3 (web): it is not a socket that listens on TCP")

    def test_a_number_of_descriptors_that_is_none_is_an_error(self):
        config = self.write_config()
        for variables, reason in (("LISTEN_FDS=x LISTEN_PID=$$", "LISTEN_FDS is not a number from 0 to 1000: x"),
                                  ("LISTEN_FDS=1 LISTEN_PID=y", "LISTEN_PID is not the id of a process: y")):
            done = subprocess.run(["sh", "-c", f'{variables} exec "$@"', "sh", BIN / "tidegate", "run", "-c", config],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            event = events(done.stderr, "cannot_start")[0]
            self.assertEqual(event["reason"], reason)
            written = datetime.datetime.fromisoformat(event["ts"].replace("Z", "+00:00"))
            self.assertLess(abs(written.timestamp() - time.time()), 60)

    def test_variables_that_are_meant_for_no_process_or_another_are_not_looked_at(self):
        for variables in ({"LISTEN_FDS": "x"}, {"LISTEN_FDS": "x", "LISTEN_PID": "1"}):
            config = self.write_config()
            program = Program("tidegate", [BIN / "tidegate", "run", "-c", config], config.with_suffix(".log"), self.admin, variables)
            self.addCleanup(program.stop)
            program.start()
            self.assertEqual(http("GET", self.web).status, 200)
            self.assertEqual(program.stop(), 0)

    def test_a_listener_that_a_reload_has_removed_comes_back_with_another_one(self):
        port = free_port()
        listener = SECOND.format(port)
        program = self.program([listening(self.ports["web"]), listening(port)], "web:second", listeners=listener)
        program.start()
        self.assertEqual(http("GET", f"http://127.0.0.1:{port}/health").status, 200)
        self.reload()
        time.sleep(1.5)  # longer than what was under way is accepted
        with socket.create_connection(("127.0.0.1", port), timeout=60) as waiting:
            waiting.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            self.reload(listener)
            self.assertTrue(waiting.recv(4096).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(http("GET", f"http://127.0.0.1:{port}/health").status, 200)

    def reload(self, listeners=""):
        self.write_config(listeners)
        answer = http("POST", f"http://127.0.0.1:{self.ports['admin']}/api/reload")
        self.assertEqual(answer.status, 200, answer.body)

    def test_the_service_manager_is_told_when_it_is_ready_and_when_it_stops(self):
        path = self.folder / "notify"
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(path))
        manager.settimeout(60)
        program = self.program([listening(self.ports["web"])], "web", {"NOTIFY_SOCKET": str(path)})
        program.start()
        self.assertEqual(manager.recv(1000), b"READY=1")
        program.stop()
        self.assertEqual(manager.recv(1000), b"STOPPING=1")

    def test_no_connection_is_lost_over_restarts(self):
        program = self.program([listening(self.ports["web"])], "web")
        program.start()
        served, failures, stop = [], [], threading.Event()

        def connect_and_ask():
            while not stop.is_set():
                try:
                    served.append(http("GET", self.web, timeout=30).status)
                except OSError as error:
                    failures.append(str(error))

        clients = [threading.Thread(target=connect_and_ask, daemon=True) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(RESTARTS):
            enough = len(served) + 50
            eventually("the load is on", lambda enough=enough: len(served) >= enough)
            self.assertEqual(program.kill(signal.SIGTERM), 0)
            program.start()
        stop.set()
        for client in clients:
            client.join(timeout=60)
        self.assertEqual((failures, set(served)), ([], {200}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
