"""Each of the service's servers is killed, hangs and comes back in the middle of uploads, with the optimizer well and with
the optimizer broken: every upload ends in an image, a promise that is kept, or an honest refusal."""
import tempfile
import unittest

from photo import make_png
from programs import eventually, http
from service import WholeService
from going_uploads import Uploads

_RATES = {"OPTIMIZE_RATE": "100000/s", "OPTIMIZE_BURST": "100000", "UPLOAD_RATE": "100000/s", "UPLOAD_BURST": "100000",
          "BREAKER_OPEN_FOR": "2s"}


class ServersLost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if missing := WholeService.missing():
            raise unittest.SkipTest(f"not here: {', '.join(missing)}")
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="tidegate-e2e-"))
        cls.service = cls.enterClassContext(WholeService(folder, _RATES))

    def fault(self, mode):
        answer = http("POST", f"{self.service.urls['optimizer']}/fault?mode={mode}")
        self.assertEqual(answer.status, 200, answer.body)

    def await_ready(self):
        url = self.service.urls["api"] + "/ready"
        eventually("the API is ready", lambda: http("GET", url, timeout=10).status == 200)

    def lose(self, server):
        """Killed and revived, then stopped and continued, with uploads all the while."""
        self.await_ready()
        self.uploads.await_more(20)
        server.kill()
        self.uploads.await_more(40)
        server.start()
        self.await_ready()
        self.uploads.await_more(20)
        server.pause()
        self.uploads.await_more(8)
        server.resume()
        self.uploads.await_more(20)

    def storm(self, server, name):
        self.await_ready()
        self.uploads = Uploads(self.service.urls["ingress"], make_png(120, 90), name, pause_s=0.15).start()
        self.lose(server)
        self.fault("error&status=503")
        self.lose(server)
        self.fault("none")
        self.await_ready()
        wrong = self.uploads.end()
        print(f"{name}: {dict(self.uploads.counts)}, promised {len(self.uploads.promised)}")
        self.assertFalse(wrong, f"{len(wrong)} of {self.uploads.count()}:\n" + "\n".join(wrong[:20]))
        for kind in ("200 MISS", "202"):
            self.assertGreater(self.uploads.counts[kind], 0, f"no {kind} among {self.uploads.counts}")

    def test_redis_is_lost_in_the_middle_of_uploads(self):
        self.storm(self.service.redis, "redis")

    def test_rabbitmq_is_lost_in_the_middle_of_uploads(self):
        self.storm(self.service.rabbitmq, "rabbitmq")

    def test_minio_is_lost_in_the_middle_of_uploads(self):
        self.storm(self.service.minio, "minio")


if __name__ == "__main__":
    unittest.main(verbosity=2)
