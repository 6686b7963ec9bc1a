"""Endpoints that die, hang, respond with 500 and come back, behind a Tidegate of two workers."""
import http.server
import tempfile
import threading
import unittest
from pathlib import Path

from programs import BIN, Program, Responder, eventually, events, free_port, http as ask

CONFIG = """
workers: 2
log: {{access: all, format: json}}
admin: {{address: 127.0.0.1:{admin}}}
upstreams:
  both:
    endpoints: [http://127.0.0.1:{first}, http://127.0.0.1:{second}]
    balance: round_robin
    connect_timeout: 1s
    health_check: {{interval: 100ms, timeout: 5s, unhealthy_after: 2, healthy_after: 2}}
    outlier_ejection: {{consecutive_failures: 2, eject_for: 300ms, eject_for_max: 300ms}}
listeners:
  - name: in
    address: 127.0.0.1:{proxy}
    routes:
      - name: all
        match: {{path: /*}}
        upstream: both
        retry: {{max_attempts: 2, on: [connect_failure, reset, 500], backoff: {{base: 1ms, max: 1ms}}}}
"""


class Endpoint:
    """A server on a port of its own whose behaviour can be changed."""

    def __init__(self):
        self.port, self.server, self.calls, self.lock = free_port(), None, 0, threading.Lock()
        self.released = threading.Event()
        self.behave(200)
        self.start()

    def behave(self, calls, checks=None):
        """The status of its responses to calls and to health checks; None: it hangs."""
        self.status = {"call": calls, "check": calls if checks is None else checks}
        if calls is not None:
            self.released.set()
        else:
            self.released.clear()

    def start(self):
        endpoint = self

        class Handler(Responder):
            def do_GET(self):
                kind = "check" if self.path == "/health" else "call"
                with endpoint.lock:
                    endpoint.calls += kind == "call"
                if endpoint.status[kind] is None:
                    endpoint.released.wait()
                self.respond(endpoint.status[kind] or 200, b"ok")

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a client that does not wait for a response that hangs

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


class Endpoints(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        self.addCleanup(folder.cleanup)
        self.first, self.second = Endpoint(), Endpoint()
        for endpoint in (self.first, self.second):
            self.addCleanup(endpoint.stop)
            self.addCleanup(endpoint.released.set)
        self.proxy, self.admin = free_port(), free_port()
        config = Path(folder.name) / "tidegate.yaml"
        config.write_text(CONFIG.format(proxy=self.proxy, admin=self.admin, first=self.first.port,
                                        second=self.second.port))
        self.tidegate = Program("tidegate", [BIN / "tidegate", "run", "-c", config], f"{folder.name}/tidegate.log",
                                f"http://127.0.0.1:{self.admin}/health")
        self.addCleanup(self.tidegate.stop)
        self.tidegate.start()

    def get(self):
        return ask("GET", f"http://127.0.0.1:{self.proxy}/work").status

    def state(self, index=0):
        status = ask("GET", f"http://127.0.0.1:{self.admin}/api/status").json()
        return status["upstreams"][0]["endpoints"][index]

    def until(self, state, index=0):
        return eventually(state, lambda: (found := self.state(index))["state"] == state and found)

    def logged(self, event):
        return events(self.tidegate.text(), event)

    def test_both_workers_together_give_each_endpoint_every_second_request(self):
        for _ in range(3):
            clients = [threading.Thread(target=lambda: [self.get() for _ in range(25)]) for _ in range(5)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            self.assertLessEqual(abs(self.first.calls - self.second.calls), 1)
        self.assertEqual(self.first.calls + self.second.calls, 375)

    def test_an_endpoint_that_dies_hangs_or_fails_gets_no_requests_until_it_is_back(self):
        for fail, recover in ((self.first.stop, self.first.start),
                              (lambda: self.first.behave(None), lambda: self.first.behave(200)),
                              (lambda: self.first.behave(500), lambda: self.first.behave(200))):
            fail()
            found = self.until("unhealthy")
            self.assertFalse(found["healthy"])
            self.assertTrue(found["last_check"]["reason"].startswith("health check: "))
            before = self.first.calls, self.second.calls
            self.assertEqual([self.get() for _ in range(20)], [200] * 20)
            self.assertEqual((self.first.calls, self.second.calls), (before[0], before[1] + 20))
            recover()
            self.until("healthy")
            self.assertEqual([self.get() for _ in range(20)], [200] * 20)
            self.assertIn(self.first.calls, (before[0] + 10, before[0] + 11))
        self.assertEqual(len(self.logged("upstream_endpoint_unhealthy")), 3)

    def test_an_endpoint_whose_calls_fail_is_ejected_though_its_checks_are_good_and_retries_go_to_the_other(self):
        self.first.behave(500, checks=200)
        self.assertEqual([self.get() for _ in range(20)], [200] * 20)
        eventually("it was ejected", lambda: self.logged("upstream_endpoint_ejected"))
        eventually("it returned", lambda: self.logged("upstream_endpoint_returned"))
        lines = self.logged("request")
        self.assertTrue(all(line["endpoint"] == f"127.0.0.1:{self.second.port}" for line in lines), lines)
        self.assertIn(2, {line["attempts"] for line in lines})
        self.assertEqual(self.state(1)["state"], "healthy")

    def test_where_all_endpoints_fail_requests_are_sent_all_the_same(self):
        for endpoint in (self.first, self.second):
            endpoint.behave(200, checks=503)
        for index in (0, 1):
            self.until("unhealthy", index)
        before = self.first.calls, self.second.calls
        self.assertEqual([self.get() for _ in range(20)], [200] * 20)
        self.assertIn(self.first.calls - before[0], (9, 10, 11))
        self.assertEqual(self.first.calls + self.second.calls, sum(before) + 20)


if __name__ == "__main__":
    unittest.main()
