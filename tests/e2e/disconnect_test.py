"""Clients that go in the middle of an upload, wherever that is: no object, no entry in the cache, no work for the
optimizer, no memory. With the store in a folder, and in a real MinIO."""
import os
import tempfile
import threading
import unittest
import zlib
from pathlib import Path

from photo import make_png, png_file
from programs import Stack, eventually, http, in_flight
from servers import MinIO
from uploads import CONTENT_TYPE, Left, connect, form, request, send


def noise_png(side):
    """A few megabytes that no compression makes smaller."""
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    return png_file((side, side), (8, 2), zlib.compress(rows, 0))


class Disconnect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.stack = Stack(cls.folder.name)
        cls.addClassCleanup(cls.stack.stop)
        objects = cls.set_up_store()
        cls.stack.start()
        cls.left = Left(cls.stack, objects)
        cls.photo = noise_png(1000)
        cls.small = make_png(60, 40)
        cls.left.remember()

    @classmethod
    def set_up_store(cls):
        return None

    def setUp(self):
        eventually("nothing is in flight", lambda: in_flight(self.stack.urls["admin"]) == 0)
        self.left.remember()

    def fault(self, mode):
        answer = http("POST", f"{self.stack.urls['optimizer']}/fault?{mode}")
        self.assertEqual(answer.status, 200, answer.body)

    def leave_after(self, wire, length):
        with connect(self.stack.urls["api"]) as client:
            client.sendall(wire[:length])

    def waits_for_the_optimizer(self):
        return in_flight(self.stack.urls["admin"]) > 0

    def check_nothing_left(self):
        """What reached Tidegate before its client went is in its count; that it ended there is what matters."""
        eventually("nothing is in flight", lambda: in_flight(self.stack.urls["admin"]) == 0)
        self.left.remember_work()
        self.left.check(self)

    def test_in_the_middle_of_the_request(self):
        wire = request(form(self.photo), CONTENT_TYPE)
        head = wire.index(b"\r\n\r\n") + 4
        image = wire.index(self.photo[:100])
        for where, length in (("the head", head // 2), ("between head and body", head), ("a part's head", image - 10),
                              ("the image's first byte", image + 1), ("the middle of the image", len(wire) // 2),
                              ("the last boundary", len(wire) - 10), ("all but the last byte", len(wire) - 1)):
            with self.subTest(where):
                self.leave_after(wire, length)
                self.left.check(self)  # the count of requests too: not one reached Tidegate

    def test_in_the_middle_with_many_at_once(self):
        wire = request(form(self.photo), CONTENT_TYPE)
        clients = [threading.Thread(target=self.leave_after, args=(wire, len(wire) * part // 12 + 1))
                   for part in range(12)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.left.check(self)

    def test_right_after_all_was_sent(self):
        # While the API looks it up and stores it: the optimizer never answers, so whatever is left was left behind.
        self.fault("mode=hang")
        self.addCleanup(self.fault, "mode=none")
        for i in range(10):
            wire = request(form(self.photo, f"stored {i}".encode()), CONTENT_TYPE)
            self.leave_after(wire, len(wire))
        self.check_nothing_left()

    def test_while_the_optimizer_works(self):
        self.fault("mode=hang")
        self.addCleanup(self.fault, "mode=none")
        with connect(self.stack.urls["api"]) as client:
            client.sendall(request(form(self.photo, b"asked"), CONTENT_TYPE))
            eventually("the optimizer is asked", self.waits_for_the_optimizer)
            self.assertEqual(len(self.left.objects()), len(self.left.before["objects"]) + 1)  # it is stored by now
        self.check_nothing_left()

    def test_all_of_those_who_wait_for_the_same(self):
        self.fault("mode=hang")
        self.addCleanup(self.fault, "mode=none")
        wire = request(form(self.small, b"shared"), CONTENT_TYPE)
        clients = [connect(self.stack.urls["api"]) for _ in range(5)]
        for client in clients:
            client.sendall(wire)
        eventually("one asks for all", self.waits_for_the_optimizer)
        for client in clients[:-1]:
            client.close()
        self.assertEqual(self.left.gauges()["flights"], 1)
        clients[-1].close()
        self.check_nothing_left()

    def test_one_goes_and_the_other_gets_the_picture(self):
        self.fault("mode=slow&ms=500")
        self.addCleanup(self.fault, "mode=none")
        wire = request(form(self.small, b"one of two"), CONTENT_TYPE)
        with connect(self.stack.urls["api"]) as first:
            first.sendall(wire)
            eventually("the optimizer is asked", self.waits_for_the_optimizer)
            first.close()
        answer = send(self.stack.urls["api"], form(self.small, b"one of two"), CONTENT_TYPE)
        self.assertEqual(answer.status, 200, answer.body[:300])
        key = answer.fields["x-image-key"]
        self.assertTrue(any(name.endswith(f"originals/{key}") for name in self.left.objects()))
        self.assertTrue(any(name.endswith(f"results/{key}") for name in self.left.objects()))


@unittest.skipUnless(MinIO.is_here(), "skipped: no MinIO (deploy/deps.sh test)")
class DisconnectFromS3(Disconnect):
    @classmethod
    def set_up_store(cls):
        server = MinIO(Path(cls.folder.name) / "minio")
        cls.addClassCleanup(server.end)
        server.start()
        cls.stack.api.environment.update(server.settings())
        return server.objects


if __name__ == "__main__":
    unittest.main()
