"""config/examples/watermark.yaml with its second listener in front of the API: real programs, real sockets."""
import json
import socket
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from photo import make_png
from programs import BIN, OPTIMIZER, ROOT, Program, eventually, free_port, http, upload

PLACES = 4
SECRETS = ("admin_token", "redis_password", "rabbitmq_password", "webhook_secret")


class Service:
    """Optimizer, API and the example's Tidegate. Broker and Redis are away: nothing here needs a job."""

    def __init__(self, folder, environment=None):
        self.folder = Path(folder)
        secrets = self.folder / "secrets"
        secrets.mkdir()
        for name in SECRETS:
            (secrets / name).write_text(f"sixteen-bytes-of-{name}\n")
        config = self.folder / "watermark.yaml"
        shipped = (ROOT / "config" / "examples" / "watermark.yaml").read_text()
        config.write_text(shipped.replace("${file:/run/secrets/", f"${{file:{secrets}/"))
        at = {name: f"127.0.0.1:{free_port()}" for name in ("optimizer", "api", "egress", "ingress", "admin")}
        self.urls = {name: f"http://{address}" for name, address in at.items()}
        optimizer = Program("optimizer", [OPTIMIZER, "--listen", at["optimizer"]], self.folder / "optimizer.log",
                            self.urls["optimizer"] + "/health")
        tidegate = Program("tidegate", [BIN / "tidegate", "run", "-c", config], self.folder / "tidegate.log",
                           self.urls["admin"] + "/health",
                           {"TIDEGATE_STATE_DIR": str(self.folder), "TIDEGATE_ADMIN_ADDRESS": at["admin"],
                            "OPTIMIZER_ADDRESS": at["optimizer"], "API_ADDRESS": at["api"],
                            "EGRESS_ADDRESS": at["egress"], "INGRESS_ADDRESS": at["ingress"],
                            "RABBITMQ_ADDRESS": "127.0.0.1:1", "REDIS_ADDRESS": "127.0.0.1:1", **(environment or {})})
        self.api = Program("api", [BIN / "watermark-api"], self.folder / "api.log", self.urls["api"] + "/health",
                           {"LISTEN": at["api"], "OPTIMIZER_URL": self.urls["egress"],
                            "STATE_DIR": str(self.folder / "api"), "TRUSTED_PROXIES": "127.0.0.0/8",
                            "WEBHOOK_SECRET_FILE": str(secrets / "webhook_secret")})
        self.programs = [optimizer, tidegate, self.api]

    def __enter__(self):
        try:
            for program in self.programs:
                program.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            if program.process and program.process.poll() is None:
                program.stop()

    def places(self, which):
        for line in http("GET", self.urls["admin"] + "/metrics").body.decode().splitlines():
            if line.startswith(f'tidegate_bulkhead_{which}{{bulkhead="upload"}}'):
                return int(line.rsplit(" ", 1)[1])
        raise AssertionError("the uploads have no bulkhead")


def slow_upload(url):
    """A client that has sent its head and a little of its form, and then sends nothing."""
    parsed = urllib.parse.urlsplit(url)
    connection = socket.create_connection((parsed.hostname, parsed.port))
    connection.sendall(f"POST /upload HTTP/1.1\r\nHost: {parsed.netloc}\r\nContent-Length: 100000\r\n"
                       "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
    return connection


class Ingress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.picture = make_png(64, 48)

    def test_slow_uploads_keep_nobody_else_waiting(self):
        with Service(self.folder, {"UPLOADS_AT_ONCE": str(PLACES)}) as service:
            url = service.urls["ingress"]
            made = upload(url, self.picture, "Tidegate")
            self.assertEqual(made.status, 200, made.body)
            key = made.headers["X-Image-Key"]
            slow = [slow_upload(url) for _ in range(PLACES)]
            eventually("the slow uploads have every place", lambda: service.places("in_use") == PLACES)
            # All of this is answered while they hang.
            for _ in range(50):
                status = http("GET", f"{url}/status/{key}")
                self.assertEqual((status.status, status.json()["status"]), (200, "done"))
                image = http("GET", f"{url}/images/{key}")
                self.assertEqual((image.status, image.body), (200, made.body))
            self.assertEqual(http("GET", url + "/").status, 200)
            refused = upload(url, self.picture, "another")
            self.assertEqual((refused.status, refused.json()["reason"]), (503, "bulkhead_full"))
            self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
            self.assertEqual(service.places("in_use"), PLACES)
            # And with a place given back, what is cached is answered at once.
            slow.pop().close()
            eventually("a place is free", lambda: service.places("in_use") < PLACES)
            self.assertEqual(upload(url, self.picture, "Tidegate").headers["X-Cache"], "HIT")
            for connection in slow:
                connection.close()

    def test_uploads_over_the_limit_are_refused_with_the_reason_and_polls_are_not(self):
        with Service(self.folder, {"UPLOAD_BURST": "3", "UPLOAD_RATE": "1/h"}) as service:
            url = service.urls["ingress"]
            answers = [upload(url, self.picture, "Tidegate") for _ in range(6)]
            self.assertEqual([answer.status for answer in answers], [200, 200, 200, 429, 429, 429])
            for answer in answers[3:]:
                self.assertEqual(answer.json()["reason"], "rate_limited")
                self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            key = answers[0].headers["X-Image-Key"]
            for _ in range(20):
                self.assertEqual(http("GET", f"{url}/status/{key}").status, 200)
            # Pretending to be somebody else does not help.
            forged = http("POST", url + "/upload", b"", {"X-Forwarded-For": "203.0.113.9",
                                                         "Content-Type": "multipart/form-data; boundary=b"})
            self.assertEqual(forged.status, 429)

    def test_what_is_not_for_the_world_has_no_route(self):
        with Service(self.folder) as service:
            for path in ("/webhooks/tidegate", "/metrics", "/ready", "/_jobs/1", "/optimize", "/status"):
                for method in ("GET", "POST"):
                    answer = http(method, service.urls["ingress"] + path, b"{}" if method == "POST" else None)
                    self.assertIn((answer.status, answer.json()["reason"]),
                                  ((404, "no_route"), (405, "method_not_allowed")), (method, path))
            # The API itself has them.
            self.assertEqual(http("GET", service.urls["api"] + "/webhooks/tidegate").status, 405)
            self.assertEqual(http("POST", service.urls["api"] + "/webhooks/tidegate", b"{}").status, 401)

    def test_the_client_is_who_came_to_the_door(self):
        with Service(self.folder) as service:
            url = service.urls["ingress"]
            self.assertEqual(upload(url, self.picture, "Tidegate").status, 200)
            records = [json.loads(line) for line in service.api.text().splitlines() if '"event":"upload"' in line]
            self.assertEqual([record["client"] for record in records], ["127.0.0.1"])
            self.assertEqual(service.api.stop(), 0)


if __name__ == "__main__":
    unittest.main()
