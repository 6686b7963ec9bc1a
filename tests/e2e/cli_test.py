"""The command line of tidegate: exit codes, output and signals."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import BIN, ROOT, Program, eventually, free_port, http as ask, in_flight

TIDEGATE = str(BIN / "tidegate")

MINIMAL = """
admin: {{address: "127.0.0.1:{admin}"}}
upstreams: {{up: {{endpoints: ["http://127.0.0.1:{upstream}"]}}}}
listeners:
  - name: in
    address: 127.0.0.1:{proxy}
    routes:
      - {{name: all, match: {{path: /*}}, upstream: up}}
"""


def tidegate(*arguments, stdin="", **environment):
    return subprocess.run([TIDEGATE, *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=ROOT,
                          input=stdin, env={**os.environ, **environment})

UNUSED = MINIMAL.replace("{{up: ", "{{old: {{endpoints: [http://h]}}, up: ")


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def config(self, text):
        path = self.folder / "tidegate.yaml"
        path.write_text(text)
        return path

    def ports(self):
        return {name: free_port() for name in ("admin", "upstream", "proxy")}


class CommandLine(Folder):
    BAD = MINIMAL.replace("    routes:", "    limts: {{}}\n    routes:").replace("upstream: up}}", "upstream: upp}}")

    def test_check_accepts_a_valid_configuration(self):
        done = tidegate("check", ROOT / "config" / "tidegate.yaml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"tidegate\.yaml: ok: 1 listener, 1 route, 1 upstream, 1 queue\n$")

    def test_check_reports_every_error_with_its_location(self):
        path = self.config(self.BAD.format(**self.ports()))
        done = tidegate("check", path)
        self.assertEqual(done.returncode, 3)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], rf"^{re.escape(str(path))}:7:5: listeners\[0\]\.limts: .*did you mean `limits`")
        self.assertRegex(lines[1], rf"^{re.escape(str(path))}:9:\d+: listeners\[0\]\.routes\[0\]\.upstream: .*`up`")
        self.assertEqual(lines[2:], ["2 errors"])

    def test_a_warning_of_check_leaves_the_exit_code_at_0(self):
        path = self.config(UNUSED.format(**self.ports()))
        done = tidegate("check", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [
            f"{path}:3:13: warning: upstreams.old: no route uses this upstream",
            f"{path}: ok: 1 listener, 1 route, 2 upstreams, 0 queues, 1 warning"])
        report = json.loads(tidegate("check", path, "--format", "json").stdout)
        self.assertEqual([each["path"] for each in report["warnings"]], ["upstreams.old"])

    def test_check_takes_the_file_as_an_argument_as_an_option_and_on_standard_input(self):
        text = MINIMAL.format(**self.ports())
        path = self.config(text)
        expected = ": ok: 1 listener, 1 route, 1 upstream, 0 queues\n"
        for arguments in (["check", path], ["check", "-c", path], ["check", "--config", path]):
            done = tidegate(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{path}{expected}", ""), arguments)
        done = tidegate("check", "-", stdin=text)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"stdin{expected}", ""))
        done = tidegate("check", "-", stdin="workers: 0\n")
        self.assertEqual(done.returncode, 3)
        self.assertIn("stdin:1:10: workers: must be", done.stdout)

    def test_check_in_json(self):
        path = self.config(self.BAD.format(**self.ports()))
        done = tidegate("check", path, "--format", "json")
        self.assertEqual(done.returncode, 3)
        report = json.loads(done.stdout)
        self.assertFalse(report["ok"])
        self.assertEqual([(e["line"], e["path"]) for e in report["errors"]],
                         [(7, "listeners[0].limts"), (9, "listeners[0].routes[0].upstream")])
        good = json.loads(tidegate("check", self.config(MINIMAL.format(**self.ports())), "--format", "json").stdout)
        self.assertTrue(good["ok"])

    def test_check_of_a_missing_file_exits_with_3(self):
        done = tidegate("check", self.folder / "none.yaml")
        self.assertEqual(done.returncode, 3)
        self.assertIn("none.yaml", done.stdout)

    def test_run_refuses_an_invalid_configuration_with_the_output_of_check(self):
        path = self.config(self.BAD.format(**self.ports()))
        done = tidegate("run", "-c", path)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn(f"{path}:7:5: listeners[0].limts", done.stderr)
        self.assertEqual(done.stderr, tidegate("check", path).stdout)

    def test_wrong_usage_exits_with_2(self):
        for arguments in (["fly"], [], ["run"], ["check"], ["check", "x", "--format", "xml"], ["version", "more"]):
            with self.subTest(arguments):
                done = tidegate(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertTrue(done.stderr)

    def test_a_mistyped_command_or_option_is_refused_with_the_nearest(self):
        for arguments, what, command in (
                (["chekc", "x"], "unknown command `chekc`; did you mean `check`?", "tidegate"),
                (["jobs", "lst"], "unknown command `lst`; did you mean `list`?", "tidegate jobs"),
                (["check", "x", "--fromat", "json"], "unknown option `--fromat`; did you mean `--format`?",
                 "tidegate check"),
                (["check", "--confg=x"], "unknown option `--confg`; did you mean `--config`?", "tidegate check"),
                (["jobs", "purge", "--statu", "dead"], "unknown option `--statu`; did you mean `--status`?",
                 "tidegate jobs purge"),
                (["help", "jobs", "pruge"], "unknown command `pruge`; did you mean `purge`?", "tidegate jobs"),
                (["jobs"], "a command is required: list, show, replay, purge", "tidegate jobs"),
                (["version", "more"], "unexpected argument `more`", "tidegate version")):
            with self.subTest(arguments):
                done = tidegate(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(done.stderr, f"tidegate: {what}\nFor help: {command} --help\n")

    def test_help_exits_with_0(self):
        for arguments in ([], ["run"], ["jobs"], ["jobs", "list"]):
            with self.subTest(arguments):
                done = tidegate(*arguments, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("tidegate", done.stdout.lower())
                self.assertEqual(tidegate("help", *arguments).stdout, done.stdout)

    def test_version(self):
        for arguments in ("version", "--version"):
            done = tidegate(arguments)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"^tidegate \d+\.\d+\.\d+ \(\w*\)\n$")

    def test_healthcheck_without_a_server_exits_with_5(self):
        done = tidegate("healthcheck", "--admin", f"127.0.0.1:{free_port()}")
        self.assertEqual(done.returncode, 5)
        self.assertIn("refused", done.stderr)

    def test_healthcheck_of_another_server_exits_with_5(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            self.assertEqual(tidegate("healthcheck", "--admin", f"127.0.0.1:{silent.getsockname()[1]}").returncode, 5)


class Running(Folder):
    def start(self, text, name="tidegate", option=("-c",)):
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        admin = re.search(r'admin: \{address: "([^"]+)"', text)[1]
        program = Program(name, [TIDEGATE, "run", *option, path], self.folder / f"{name}.log", f"http://{admin}/health")
        self.addCleanup(program.stop)
        program.start()
        return program, admin

    def test_healthcheck_of_a_running_tidegate_exits_with_0(self):
        _, admin = self.start(MINIMAL.format(**self.ports()))
        done = tidegate("healthcheck", "--admin", admin)
        self.assertEqual((done.returncode, done.stdout), (0, '{"status":"ok"}\n'))
        done = tidegate("healthcheck", "--ready", "--admin", admin)
        self.assertEqual((done.returncode, done.stdout), (0, '{"status":"ready"}\n'))
        done = tidegate("healthcheck", TIDEGATE_ADMIN=admin)
        self.assertEqual((done.returncode, done.stdout), (0, '{"status":"ok"}\n'))

    def test_run_takes_the_file_as_an_argument(self):
        program, admin = self.start(MINIMAL.format(**self.ports()), option=())
        self.assertEqual(tidegate("healthcheck", "--admin", admin).returncode, 0)
        self.assertEqual(program.stop(), 0)

    def test_sighup_loads_the_file_again_and_does_not_end_the_process(self):
        program, admin = self.start(MINIMAL.format(**self.ports()))
        program.process.send_signal(signal.SIGHUP)
        eventually("it is logged", lambda: '"event":"config_reloaded"' in program.text())
        self.assertEqual(tidegate("healthcheck", "--admin", admin).returncode, 0)
        self.assertEqual(program.stop(), 0)

    def test_run_logs_a_warning_of_the_configuration(self):
        program, _ = self.start(UNUSED.format(**self.ports()))
        warning = next(json.loads(line) for line in program.text().splitlines() if "configuration_warning" in line)
        self.assertEqual((warning["line"], warning["path"]), (3, "upstreams.old"))
        self.assertFalse(warning["ts"].startswith("1970"), warning)
        self.assertEqual(program.stop(), 0)

    def test_a_port_in_use_exits_with_1_and_names_the_address(self):
        for which in ("proxy", "admin"):
            with self.subTest(which), socket.socket() as taker:
                taker.bind(("127.0.0.1", 0))
                taker.listen()
                port = taker.getsockname()[1]
                done = tidegate("run", "-c", self.config(MINIMAL.format(**{**self.ports(), which: port})))
                self.assertEqual(done.returncode, 1)
                self.assertIn("cannot_start", done.stderr)
                self.assertIn(f"127.0.0.1:{port}", done.stderr)

    def test_a_second_process_on_the_same_job_store_is_refused_and_the_first_continues(self):
        with_queue = MINIMAL + """
queues:
  jobs: {{url: "sqlite://{folder}/jobs.db"}}
"""
        with_queue = with_queue.replace("upstream: up}}", "upstream: up, fallback: {{enqueue: {{queue: jobs, max_body: "
                                        "1MiB}}}}}}")
        first, admin = self.start(with_queue.format(folder=self.folder, **self.ports()))
        done = tidegate("run", "-c", self.config(with_queue.format(folder=self.folder, **self.ports())))
        self.assertEqual(done.returncode, 1)
        self.assertIn("queue jobs", done.stderr)
        self.assertIn("jobs.db", done.stderr)
        self.assertRegex(done.stderr, r"another process|in use|locked")
        self.assertEqual(tidegate("healthcheck", "--ready", "--admin", admin).returncode, 0)
        self.assertEqual(first.stop(), 0)
        again, _ = self.start(with_queue.format(folder=self.folder, **self.ports()), "again")
        self.assertEqual(again.stop(), 0)

    def test_sigterm_and_sigint_stop_it_with_exit_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            program, _ = self.start(MINIMAL.format(**self.ports()), f"tidegate{int(number)}")
            self.assertEqual(program.kill(number), 0)
            self.assertIn('"event":"stopped"', program.text())

    def test_a_second_sigterm_stops_it_at_once(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            ports = {**self.ports(), "upstream": silent.getsockname()[1]}
            program, admin = self.start(MINIMAL.format(**ports))
            with socket.create_connection(("127.0.0.1", ports["proxy"])) as client:
                client.sendall(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
                eventually("it is in flight", lambda: in_flight(f"http://{admin}") == 1)
                program.process.send_signal(signal.SIGTERM)
                eventually("it drains", lambda: ask("GET", f"http://{admin}/ready").status == 503)
                self.assertEqual(tidegate("healthcheck", "--ready", "--admin", admin).returncode, 5)
                self.assertEqual(tidegate("healthcheck", "--admin", admin).returncode, 0)
                self.assertEqual(program.kill(signal.SIGTERM), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
