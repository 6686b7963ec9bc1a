"""The end of watermark-api: uploads under way are finished, step by step, and nothing new is taken."""
import signal
import socket
import tempfile
import threading
import unittest
import urllib.parse

from photo import make_png
from programs import Stack, eventually, http, records, upload

SLOW_MS = 3000


def events(program):
    return [record["event"] for record in records(program.text())]


class ApiStop(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stack = Stack(folder.name)
        self.addCleanup(self.stack.stop)
        self.stack.start()
        self.url = self.stack.urls["api"]
        self.answers = []

    def begin_uploads(self, count):
        """Uploads that are at the optimizer, and stay there for a while."""
        http("POST", f"{self.stack.urls['optimizer']}/fault?mode=slow&ms={SLOW_MS}")
        picture = make_png(32, 24)

        def one(number):
            try:
                self.answers.append(upload(self.url, picture, f"upload {number}").status)
            except OSError as error:
                self.answers.append(str(error))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        self.addCleanup(lambda: [thread.join() for thread in threads])
        eventually("the uploads are under way",
                   lambda: self.stack.metric('tidegate_http_requests_in_flight{route="optimize"}') == count)
        return threads

    def connect(self):
        parsed = urllib.parse.urlsplit(self.url)
        connection = socket.create_connection((parsed.hostname, parsed.port), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def test_uploads_under_way_are_finished_and_the_rest_follows_in_order(self):
        threads = self.begin_uploads(3)
        # A request whose head is not whole yet is one that runs: it hears that the service is not ready any more.
        half = self.connect()
        half.sendall(b"GET /ready HTTP/1.1\r\n")
        idle = self.connect()
        eventually("the connections are taken", lambda: http("GET", self.url + "/health").status == 200)
        self.stack.api.process.send_signal(signal.SIGTERM)
        eventually("the listener is closed", lambda: "listener_closed" in events(self.stack.api))
        with self.assertRaises(OSError):
            self.connect()
        self.assertEqual(idle.recv(100), b"")  # closed
        half.sendall(b"Host: api\r\n\r\n")
        answer = b""
        while piece := half.recv(4096):
            answer += piece
        self.assertIn(b"503 Service Unavailable", answer)
        self.assertIn(b'"failed":{"api":"stopping"}', answer)
        self.assertIn(b"Connection: close", answer)
        self.assertEqual(self.answers, [])
        for thread in threads:
            thread.join()
        self.assertEqual(self.answers, [200, 200, 200])
        self.assertEqual(self.stack.api.process.wait(timeout=60), 0)
        steps = ["draining", "listener_closed", "upload", "upload", "upload", "requests_finished", "cache_closed",
                 "store_closed", "stopped"]
        self.assertEqual([event for event in events(self.stack.api) if event in steps], steps)

    def test_a_second_signal_ends_it_at_once(self):
        self.begin_uploads(1)
        self.stack.api.process.send_signal(signal.SIGTERM)
        eventually("the listener is closed", lambda: "listener_closed" in events(self.stack.api))
        self.stack.api.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(self.stack.api.process.wait(timeout=60), 0)
        self.assertNotIn("stopped", events(self.stack.api))

    def test_without_requests_it_ends_by_itself(self):
        self.assertEqual(self.stack.api.stop(), 0)
        self.assertEqual(events(self.stack.api)[-1], "stopped")


if __name__ == "__main__":
    unittest.main(verbosity=2)
