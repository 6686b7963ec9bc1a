"""config/examples/watermark.yaml with its second listener in front of the API: real programs, real sockets."""
import json
import socket
import tempfile
import unittest
import urllib.parse

from photo import make_png
from programs import eventually, http, upload
from service import Service

PLACES = 4


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
            # All of this is answered while they hang, and they hold no place.
            for _ in range(50):
                status = http("GET", f"{url}/status/{key}")
                self.assertEqual((status.status, status.json()["status"]), (200, "done"))
                image = http("GET", f"{url}/images/{key}")
                self.assertEqual((image.status, image.body), (200, made.body))
            self.assertEqual(http("GET", url + "/").status, 200)
            self.assertEqual(upload(url, self.picture, "another").status, 200)
            self.assertEqual(upload(url, self.picture, "Tidegate").headers["X-Cache"], "HIT")
            self.assertEqual(service.places("in_use"), 0)
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
            eventually("the upload is logged", lambda: '"event":"upload"' in service.api.text())
            records = [json.loads(line) for line in service.api.text().splitlines() if '"event":"upload"' in line]
            self.assertEqual([record["client"] for record in records], ["127.0.0.1"])
            self.assertEqual(service.api.stop(), 0)


if __name__ == "__main__":
    unittest.main()
