"""Slow clients cost the others nothing: no slot, no connection to the upstream, no verdict of the breaker, and no more
memory than `limits.buffered`. The real programs with the shipped policy; each client has an address of its own."""
import os
import re
import resource
import tempfile
import unittest
from pathlib import Path

from disconnect_test import noise_png
from photo import make_png
from programs import Stack, eventually, http, in_flight, upload
from service import Service
from slow_clients import Crowd, SlowClient, connect, post, send_to_all, vanish
from uploads import CONTENT_TYPE, disposition

_SLOW = 10  # as many as the shipped policy has slots
_BYTES = 12  # that each of them sends or reads meanwhile: longer than `min_rate_grace`
_PATH = "/optimize?text=slow&position=center&format=jpeg&quality=100"  # soon done, whatever its size


def poster(url, body=b"", length=100_000):
    return lambda number: SlowClient(url, post(_PATH, length, body, address(number)))


def reader(url, picture):
    return lambda number: SlowClient(url, post(_PATH, len(picture), picture, address(number)), reads=True)


def address(number):
    return f"192.0.2.{number % 250}"


class SlowClients(unittest.TestCase):
    changes = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.stack = Stack(folder.name, cls.changes)
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()
        cls.proxy, cls.admin = cls.stack.urls["proxy"], cls.stack.urls["admin"]
        cls.photo = make_png(64, 48)
        # Its result is larger than what the sockets on the way hold.
        cls.large = http("POST", cls.stack.urls["optimizer"] + _PATH, noise_png(900)).body
        cls.honest_count = 0
        cls.deleted_files = cls.count_deleted_files()

    @classmethod
    def count_deleted_files(cls):
        """Open files of Tidegate that have no name: the bodies that are not in memory."""
        folder = Path(f"/proc/{cls.stack.tidegate.process.pid}/fd")
        count = 0
        for entry in folder.iterdir():
            try:
                count += os.readlink(entry).endswith(" (deleted)")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def metric(self, series):
        value = self.stack.metric(series)
        self.assertIsNotNone(value, series)
        return value

    def slots(self):
        return self.metric('tidegate_bulkhead_in_use{bulkhead="optimizer"}')

    def held(self):
        """What clients may hold of Tidegate."""
        return {"requests": in_flight(self.admin), "slots": self.slots(),
                "connections": self.metric('tidegate_upstream_connections{state="busy",upstream="optimizer"}'),
                "bytes": self.metric("tidegate_buffered_bytes "),
                "files": self.count_deleted_files() - self.deleted_files}

    def check_all_is_given_back(self):
        try:
            eventually("nothing is held", lambda: not any(self.held().values()))
        except AssertionError:
            self.assertEqual(self.held(), dict.fromkeys(self.held(), 0))

    def check_breaker_is_untouched(self):
        self.assertEqual(self.stack.breaker()["state"], "closed")
        self.assertEqual(self.metric('tidegate_breaker_calls_total{breaker="optimizer",result="failure"}'), 0)

    def check_honest_request(self):
        type(self).honest_count += 1
        number = self.honest_count
        answer = http("POST", f"{self.proxy}/optimize?text=honest{number}&position=center", self.photo,
                      {"Content-Type": "image/png", "X-Forwarded-For": f"198.51.100.{number % 250}"})
        self.assertEqual(answer.status, 200, (number, answer.body[:300]))
        self.assertEqual(answer.body[:4], b"\x89PNG")

    def check_honest_requests_beside(self, crowd):
        """Every client of the crowd sends or reads some bytes meanwhile."""
        for _ in range(_BYTES):
            for _ in range(4):
                self.check_honest_request()
            answer = upload(self.stack.urls["api"], self.photo, f"upload {self.honest_count}")
            self.assertEqual(answer.status, 200, answer.body[:300])
            crowd.wait_for_byte()


class ShippedPolicy(SlowClients):
    def test_slow_posters_cost_no_honest_request(self):
        with Crowd(poster(self.proxy), _SLOW) as crowd:
            eventually("all have begun", lambda: in_flight(self.admin) == _SLOW)
            self.check_honest_requests_beside(crowd)
            self.assertEqual(self.slots(), 0)
        self.check_all_is_given_back()
        self.check_breaker_is_untouched()

    def test_slow_readers_cost_no_honest_request(self):
        with Crowd(reader(self.proxy, self.large), _SLOW) as crowd:
            eventually("all have begun to read", lambda: all(client.received for client in crowd.clients))
            self.check_honest_requests_beside(crowd)
            eventually("all still read", lambda: in_flight(self.admin) == _SLOW)
            self.assertGreater(self.held()["bytes"], 0)
        self.check_all_is_given_back()
        self.check_breaker_is_untouched()

    def test_those_who_vanish_at_once_give_back_all(self):
        posters = [poster(self.proxy)(number) for number in range(_SLOW)]
        readers = [reader(self.proxy, self.large)(number) for number in range(_SLOW)]
        eventually("all have begun", lambda: in_flight(self.admin) == 2 * _SLOW)
        for client in posters + readers:
            vanish(client.connection)
        self.check_all_is_given_back()
        self.check_honest_request()
        self.check_breaker_is_untouched()


class MoreTime(SlowClients):
    """The shipped policy, but no deadline of a request ends what is looked at, and memory is short."""
    changes = [("total: 30s", "total: 10m"), ("body_timeout: 60s", "body_timeout: 10m"),
               ("write_timeout: 60s", "write_timeout: 10m"), ("response_header: 10s", "response_header: 10m"),
               ("per_try: 15s", "per_try: 10m"), ("buffered: 256MiB", "buffered: 64MiB")]
    _CLIENTS, _SENT, _DECLARED = 2000, 500_000, 1_000_000
    _DESCRIPTORS = 3 * _CLIENTS  # a connection and a file each, and some
    # The limit, and for each client what is just on its way: two buffers of 64 KiB, and as much for the allocator. All that
    # they send together is 1 GB.
    _MAX_GROWTH_KIB = 64 * 1024 + 3 * 64 * _CLIENTS

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        super().setUpClass()

    def memory_kib(self, field):
        status = Path(f"/proc/{self.stack.tidegate.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1])

    def unread_bytes(self):
        """Of all clients: what the kernel has for Tidegate."""
        port = f":{int(self.proxy.rsplit(':', 1)[1]):04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(port) and row[3] != "0A")

    def test_two_thousand_unfinished_bodies_fit_into_the_limit(self):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < self._DESCRIPTORS:
            self.skipTest(f"skipped: fewer than {self._DESCRIPTORS} open files are allowed here (ulimit -Hn)")
        self.check_honest_request()
        before = self.memory_kib("VmRSS")
        connections = [connect(self.proxy) for _ in range(self._CLIENTS)]
        try:
            for number, connection in enumerate(connections):
                connection.sendall(post(_PATH, self._DECLARED, client=f"198.18.{number // 250}.{number % 250}"))
            self.assertEqual(send_to_all(connections, os.urandom(self._SENT)), 0)
            eventually("Tidegate has taken all", lambda: self.unread_bytes() == 0)
            held = self.held()
            self.assertEqual((held["requests"], held["slots"]), (self._CLIENTS, 0))
            self.assertLessEqual(held["bytes"], 64 << 20)
            for _ in range(20):
                self.check_honest_request()
            self.assertLess(self.memory_kib("VmHWM") - before, self._MAX_GROWTH_KIB)
        finally:
            for connection in connections:
                connection.close()
        self.check_all_is_given_back()
        self.check_honest_request()
        self.check_breaker_is_untouched()

    def test_who_keeps_a_slot_waiting_is_cut(self):
        # More than a route buffers of a request: each of them has a slot, and the optimizer waits for it.
        begun = self.large[:1_500_000]
        with Crowd(poster(self.proxy, begun, len(self.large)), _SLOW, again=False) as crowd:
            eventually("all have a slot", lambda: self.slots() == _SLOW)
            eventually("all are cut", lambda: not crowd.clients)
        self.assertEqual(self.metric('tidegate_http_requests_total{code="408",method="POST",outcome="client_timeout",'
                                     'route="optimize"}'), _SLOW)
        self.check_all_is_given_back()
        self.check_honest_request()
        self.check_breaker_is_untouched()

    def test_a_slow_reader_gets_all_of_what_the_optimizer_has_sent_though_that_is_gone(self):
        expected = http("POST", self.stack.urls["optimizer"] + _PATH, self.large).body
        clients = [reader(self.proxy, self.large)(number) for number in range(_SLOW)]
        eventually("all have begun to read", lambda: all(client.step() and client.received for client in clients))
        eventually("the optimizer is done", lambda: self.slots() == 0)
        self.stack.optimizer.kill()
        for client in clients:
            head, body = client.read_on()
            self.assertEqual(head.split(b"\r\n")[0], b"HTTP/1.1 200 OK")
            self.assertEqual(body == expected, True, "the picture is another one")
            client.connection.close()
        self.stack.optimizer.start()
        self.check_all_is_given_back()
        self.check_honest_request()


class FromOutside(unittest.TestCase):
    """The watermark service: Tidegate in front of the API too."""

    def test_slow_uploads_cost_no_honest_upload(self):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        self.addCleanup(folder.cleanup)
        # All clients have one address here.
        environment = {"UPLOADS_AT_ONCE": str(_SLOW), "UPLOAD_RATE": "1000/s", "UPLOAD_BURST": "1000"}
        picture = make_png(64, 48)
        with Service(Path(folder.name) / "service", environment) as service:
            url, admin = service.urls["ingress"], service.urls["admin"]
            wire = post("/upload", 100_000, disposition("image", "slow.png") + b"\r\n", content_type=CONTENT_TYPE)
            with Crowd(lambda _: SlowClient(url, wire), _SLOW) as crowd:
                eventually("all have begun", lambda: in_flight(admin) == _SLOW)
                for number in range(_BYTES):
                    answers = [upload(url, picture, f"honest {number} {again}") for again in range(4)]
                    self.assertEqual([answer.status for answer in answers], [200] * 4, answers[0].body[:300])
                    crowd.wait_for_byte()
                self.assertEqual(service.places("in_use"), 0)
            eventually("nothing is in flight", lambda: in_flight(admin) == 0)


if __name__ == "__main__":
    unittest.main()
