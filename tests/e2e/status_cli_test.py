"""`tidegate status` against an admin interface of the test's own: exit codes, `--json` and the token."""
import json
import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from programs import BIN, free_port

HEALTHY = {"version": "0.1.0", "breakers": [{"name": "optimizer", "state": "closed", "next": "calls go through"}],
           "upstreams": [], "queues": []}
OPEN = {**HEALTHY, "breakers": [{"name": "optimizer", "state": "open", "detail": "5 consecutive failures"}]}


class Admin(BaseHTTPRequestHandler):
    def do_GET(self):
        allowed = self.path == "/api/status" and self.headers.get("Authorization") == "Bearer a-token"
        body = json.dumps(self.server.status if allowed else {"detail": "The token is not valid."}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Status(unittest.TestCase):
    def setUp(self):
        self.admin = ThreadingHTTPServer(("127.0.0.1", 0), Admin)
        threading.Thread(target=self.admin.serve_forever, daemon=True).start()
        self.addCleanup(self.admin.server_close)
        self.addCleanup(self.admin.shutdown)

    def status(self, *options, token="a-token", port=None):
        address = f"127.0.0.1:{port or self.admin.server_port}"
        environment = {"TIDEGATE_ADMIN": address, "TIDEGATE_ADMIN_TOKEN": token}
        done = subprocess.run([BIN / "tidegate", "status", *options], env=environment, capture_output=True, text=True,
                              timeout=60)
        return done.returncode, done.stdout, done.stderr

    def test_the_exit_code_says_whether_all_is_well(self):
        self.admin.status = HEALTHY
        code, out, _ = self.status()
        self.assertEqual((code, out.splitlines()[1]), (0, "healthy"))
        self.admin.status = OPEN
        code, out, _ = self.status()
        self.assertEqual((code, out.splitlines()[1:3]), (5, ["unhealthy:", "  breaker optimizer is open"]))

    def test_the_json_is_that_of_the_interface_with_what_is_unhealthy(self):
        self.admin.status = OPEN
        code, out, _ = self.status("--json")
        self.assertEqual((code, json.loads(out)), (5, {**OPEN, "unhealthy": ["breaker optimizer is open"]}))

    def test_who_cannot_ask_learns_why(self):
        for options, why in (({"token": "wrong"}, "The token is not valid."), ({"port": free_port()}, "cannot reach")):
            code, out, error = self.status(**options)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(why, error)


if __name__ == "__main__":
    unittest.main()
