"""`tidegate jobs` against a real Tidegate with dead jobs and an upstream that fails and recovers."""
import json
import os
import re
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from programs import BIN, ROOT, Program, eventually, free_port, http as ask

TIDEGATE = str(BIN / "tidegate")
TOKEN = "an-operators-token"

CONFIG = """
admin: {{address: "127.0.0.1:{admin}", token: {token}}}
upstreams: {{up: {{endpoints: ["http://127.0.0.1:{upstream}"]}}}}
queues:
  work:
    url: sqlite://{folder}/work.db
    replay: {{max_attempts: 2, backoff: {{base: 10ms, max: 10ms, jitter: none}}}}
listeners:
  - name: in
    address: 127.0.0.1:{proxy}
    routes:
      - name: all
        match: {{path: /*}}
        upstream: up
        fallback: {{on: [503], enqueue: {{queue: work}}}}
"""


class Upstream(BaseHTTPRequestHandler):
    """Responds with the server's `status` and records the bodies; to /other with 200."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = 200 if self.path == "/other" else self.server.status
        if status == 200 and self.path != "/other":
            self.server.bodies.append(body)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class DeadJobs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-jobs-")
        self.addCleanup(folder.cleanup)
        self.upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        self.upstream.status, self.upstream.bodies = 503, []
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        self.addCleanup(self.upstream.server_close)
        self.addCleanup(self.upstream.shutdown)
        ports = {name: free_port() for name in ("admin", "proxy")}
        self.admin, self.proxy = f"127.0.0.1:{ports['admin']}", f"http://127.0.0.1:{ports['proxy']}"
        config = Path(folder.name) / "tidegate.yaml"
        config.write_text(CONFIG.format(upstream=self.upstream.server_port, folder=folder.name, token=TOKEN, **ports))
        program = Program("tidegate", [TIDEGATE, "run", "-c", str(config)], Path(folder.name) / "log",
                          f"http://{self.admin}/health")
        program.start()
        self.addCleanup(program.process.wait)
        self.addCleanup(program.process.terminate)
        self.log = Path(folder.name) / "log"

    def jobs(self, *arguments, token=TOKEN):
        environment = {**os.environ, "TIDEGATE_ADMIN_TOKEN": token, "USER": "ada"}
        return subprocess.run([TIDEGATE, "jobs", *arguments, "--admin", self.admin], capture_output=True, text=True,
                              timeout=60, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment)

    def listed(self, *arguments):
        done = self.jobs("list", "--format", "json", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)["jobs"]

    def die(self, count):
        for i in range(count):
            answer = ask("POST", f"{self.proxy}/work/{i}?q={i}", b"body-%d" % i)
            self.assertEqual(answer.status, 202)

        def all_dead():
            # Others succeed meanwhile: so each failed attempt is the job's fault.
            self.assertEqual(ask("POST", f"{self.proxy}/other", b"").status, 200)
            dead = self.listed("--status", "dead")
            return dead if len(dead) == count else None
        return [job["job_id"] for job in eventually("all are dead", all_dead)]

    def test_dead_jobs_are_listed_shown_replayed_and_purged(self):
        ids = self.die(4)
        listed = self.jobs("list", "--status", "dead", "--error", "503")
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        lines = listed.stdout.splitlines()
        self.assertRegex(lines[0], r"^ID +STATUS +ATTEMPTS +DEFERRALS +AGE +RESULT +REQUEST +LAST ERROR$")
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[1], rf"^{ids[0]}  dead +2/2 +\d+ +\d+s +POST /work/0\?q= +503$")
        self.assertIn("There are more", self.jobs("list", "--limit", "2").stdout)
        self.assertEqual(self.jobs("list", "--status", "running").stdout, "No matching jobs.\n")

        shown = self.jobs("show", ids[1]).stdout
        self.assertRegex(shown, r"(?m)^status +dead$")
        self.assertRegex(shown, r"(?m)^body +6 bytes$")
        self.assertEqual(len(re.findall(r"(?m)^  \d{4}-.* 503$", shown)), 2)
        self.assertIn(f"`tidegate jobs replay {ids[1]} --admin {self.admin}`", shown)

        self.upstream.status = 200
        replayed = self.jobs("replay", ids[0], "--reason", "fixed at last")
        self.assertEqual((replayed.returncode, replayed.stderr), (0, ""))
        self.assertIn("queued again", replayed.stdout)
        eventually("the replayed job is done", lambda: self.upstream.bodies == [b"body-0"])

        purged = self.jobs("purge", ids[1])
        self.assertIn("deleted", purged.stdout)
        gone = self.jobs("show", ids[1])
        self.assertEqual((gone.returncode, gone.stderr), (1, "tidegate: There is no such job.\n"))

        self.assertEqual(self.jobs("replay", "--all", "--rate", "100/s").returncode, 0)
        eventually("every one of them is done", lambda: len(self.listed("--status", "succeeded")) == 3)
        self.assertEqual(sorted(self.upstream.bodies), [b"body-0", b"body-2", b"body-3"])
        self.assertEqual(self.jobs("purge", "--status", "succeeded", "--all").stdout, "Deleted 3 jobs.\n")
        self.assertEqual(self.listed(), [])
        log = self.log.read_text()
        purged = [line for line in map(json.loads, log.splitlines()) if line.get("action") in ("purged", "purged_many")]
        self.assertEqual([line["jobs"] for line in purged], [1, 3])
        self.assertIn("fixed at last", log)
        self.assertIn("ada", log)
        self.assertNotIn(TOKEN, log)

    def test_the_environment_names_the_admin_interface_and_hints_then_need_not(self):
        job = self.die(1)[0]
        environment = {**os.environ, "TIDEGATE_ADMIN_TOKEN": TOKEN, "TIDEGATE_ADMIN": self.admin}
        shown = subprocess.run([TIDEGATE, "jobs", "show", job, "--queue", "work"], capture_output=True, text=True,
                               timeout=60, stdin=subprocess.DEVNULL, env=environment)
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.assertIn(f"`tidegate jobs replay {job} --queue work`", shown.stdout)

    def test_an_id_together_with_what_selects_many_jobs_is_refused(self):
        for arguments in (("purge", "--status", "dead"), ("purge", "--error", "503"), ("purge", "--all"),
                          ("purge", "--limit", "3"), ("replay", "--all"), ("replay", "--rate", "1/s")):
            with self.subTest(arguments):
                done = self.jobs(arguments[0], "0" * 32, *arguments[1:])
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(done.stderr, f"tidegate: {arguments[1]} is for many jobs, and an ID is one job: "
                                              "remove one of the two\n")

    def test_a_refused_operation_says_why(self):
        job = self.die(1)[0]
        refused = self.jobs("purge", job, token="wrong")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("TIDEGATE_ADMIN_TOKEN", refused.stderr)
        self.assertEqual(len(self.listed("--status", "dead")), 1)
        for arguments in (("replay",), ("purge",), ("show",), ("purge", "--all"), ("list", "--limit", "0"), ()):
            self.assertEqual(self.jobs(*arguments).returncode, 2, arguments)
        unknown = self.jobs("list", "--queue", "none")
        self.assertEqual((unknown.returncode, unknown.stderr), (1, "tidegate: There is no such queue.\n"))
        nobody = subprocess.run([TIDEGATE, "jobs", "list", "--admin", f"127.0.0.1:{free_port()}"], capture_output=True,
                                text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("cannot reach Tidegate at", nobody.stderr)


if __name__ == "__main__":
    unittest.main()
