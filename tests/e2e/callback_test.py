"""An accepted upload on the whole service, and nobody who asks after it: the job names the original in MinIO, its end
comes by webhook, and the result lies in Redis."""
import socket
import tempfile
import unittest

from photo import make_png
from programs import eventually, http, upload
from service import WholeService


class Callback(unittest.TestCase):
    def setUp(self):
        if missing := WholeService.missing():
            self.skipTest(f"not here: {', '.join(missing)}")
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="tidegate-e2e-"))
        self.service = self.enterContext(WholeService(folder, {"BREAKER_OPEN_FOR": "2s"}))

    def fault(self, mode):
        self.assertEqual(http("POST", f"{self.service.urls['optimizer']}/fault?mode={mode}").status, 200)

    def redis_has(self, key):
        with socket.create_connection(("127.0.0.1", self.service.redis.port), timeout=5) as s:
            s.sendall(f"AUTH {self.service.redis.password}\r\nEXISTS watermark:result:{key}\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                answer += s.recv(64)
            return answer == b"+OK\r\n:1\r\n"

    def job(self):
        """The one job, as the operator sees it."""
        jobs = http("GET", f"{self.service.urls['admin']}/api/queues/optimize-jobs/jobs",
                    headers={"Authorization": f"Bearer {self.service.secret('admin_token')}"}).json()["jobs"]
        self.assertEqual(len(jobs), 1)
        return jobs[0]

    def test_the_end_of_a_job_comes_by_itself_and_fills_redis(self):
        eventually("the API is ready", lambda: http("GET", self.service.urls["api"] + "/ready").status == 200)
        self.fault("error&status=503")
        answer = upload(self.service.urls["ingress"], make_png(120, 90), "kept")
        self.assertEqual(answer.status, 202, answer.body)
        key = answer.json()["key"]
        self.assertIn(f"originals/{key}", self.service.minio.objects())
        self.assertFalse(self.redis_has(key))
        self.fault("none")
        eventually("the result is in Redis", lambda: self.redis_has(key))
        self.assertIn(f"results/{key}", self.service.minio.objects())
        eventually("the webhook is logged", lambda: '"event":"webhook"' in self.service.api.text())
        cached = upload(self.service.urls["ingress"], make_png(120, 90), "kept")
        self.assertEqual((cached.status, cached.headers["X-Cache"]), (200, "HIT"))
        job = self.job()
        self.assertEqual(job["status"], "succeeded")
        self.assertEqual(job["body_ref"], f"{self.service.minio.url}/watermark/originals/{key}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
