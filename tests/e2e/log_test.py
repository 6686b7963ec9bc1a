"""A log whose reader has stopped, or is slow, or comes back: requests and SIGTERM do not wait for it."""
import fcntl
import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from programs import BIN, OPTIMIZER, eventually, free_port, http as ask, metric

CONFIG = """
log: {{access: all, format: json}}
admin: {{address: 127.0.0.1:{admin}}}
upstreams: {{nobody: {{endpoints: [http://127.0.0.1:1]}}}}
listeners:
  - name: front
    address: 127.0.0.1:{proxy}
    routes: [{{name: all, match: {{path: /*}}, upstream: nobody}}]
"""
LONG = "x" * 16_000  # a request's line in the log
BUFFER_BYTES = 4 << 20  # of Tidegate's log
ENOUGH = 2 * BUFFER_BYTES // len(LONG)


class Log(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.proxy, self.admin = free_port(), free_port()

    def start(self, *arguments):
        """The program, with the smallest pipe as standard error, of which nobody reads yet."""
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing)
        os.close(writing)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.reader = os.fdopen(reading, "rb")
        self.addCleanup(self.reader.close)
        return process

    def start_tidegate(self):
        config = self.folder / "tidegate.yaml"
        config.write_text(CONFIG.format(admin=self.admin, proxy=self.proxy))
        process = self.start(BIN / "tidegate", "run", "-c", config)
        eventually("Tidegate is healthy", lambda: self.answers(f"http://127.0.0.1:{self.admin}/health"))
        return process

    @staticmethod
    def answers(url):
        try:
            return ask("GET", url, timeout=2).status == 200
        except OSError:
            return False

    def request(self, count):
        """Each is answered (nobody is behind Tidegate) and makes a line."""
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy, timeout=60)
        for number in range(count):
            connection.request("GET", f"/{number}/{LONG}")
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, 502)
        connection.close()

    def dropped(self):
        return int(metric(f"http://127.0.0.1:{self.admin}", "tidegate_log_lines_dropped_total "))

    def numbers(self, lines):
        return [int(line["target"].split("/")[1]) for line in lines if line["event"] == "request"]

    def test_requests_and_sigterm_do_not_wait_for_a_reader_that_has_stopped(self):
        process = self.start_tidegate()
        self.request(ENOUGH)
        self.assertGreater(self.dropped(), 0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 0)

    def test_a_reader_that_comes_back_gets_whole_lines_in_order_and_how_many_are_missing(self):
        process = self.start_tidegate()
        self.request(ENOUGH)
        lines = []
        for text in self.reader:
            lines.append(json.loads(text))
            if lines[-1]["event"] == "log_lines_dropped":
                break
        self.assertEqual(lines[-1]["lines"], self.dropped())
        self.assertEqual(self.numbers(lines), list(range(ENOUGH - self.dropped())))
        self.request(1)
        self.assertEqual(self.numbers([json.loads(self.reader.readline())]), [0])
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(text)["event"] for text in self.reader]
        self.assertEqual(rest[-1], "stopped")
        self.assertEqual(process.wait(timeout=60), 0)

    def test_what_is_in_the_buffer_at_a_crash_is_written(self):
        process = self.start_tidegate()
        count = BUFFER_BYTES // 2 // len(LONG)
        self.request(count + 1)  # the line of the last one may not be there yet
        texts = []
        reading = threading.Thread(target=lambda: texts.extend(self.reader))
        reading.start()
        process.send_signal(signal.SIGABRT)
        self.assertEqual(process.wait(timeout=60), -signal.SIGABRT)
        reading.join()
        self.assertEqual(self.numbers(map(json.loads, texts))[:count], list(range(count)))

    def test_an_error_at_the_start_is_written_before_the_process_ends(self):
        for _ in range(10):
            process = self.start(OPTIMIZER, "--listen", "192.0.2.1:3001")
            self.assertIn("cannot_start", self.reader.read().decode())
            self.assertEqual(process.wait(timeout=60), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
