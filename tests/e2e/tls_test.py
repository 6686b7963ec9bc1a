"""TLS from the client to the upstream with the real program: certificates that are renewed under load, and what each wrong
one is called."""
import http.client
import json
import shutil
import ssl
import tempfile
import threading
import unittest
from http.server import ThreadingHTTPServer
from pathlib import Path

from certificates import Authority, self_signed
from programs import BIN, Program, Responder, eventually, events, free_port, http as request, metric

CLIENTS = 3
RENEWALS = 2
REQUESTS_KEPT = 20  # on one connection, of a client and of the upstream

CONFIG = """
workers: 2
log: {{access: all, level: info}}
takeover: {{socket: {folder}/takeover.sock}}
admin: {{address: "127.0.0.1:{admin}"}}
tls: {{ca_file: "{ca}"}}
upstreams:
{upstreams}
queues:
  jobs: {{url: "rediss://127.0.0.1:{closed}", spool: "{folder}/spool.db", tls: {{{queue_tls}}}}}
listeners:
  - name: in
    address: "127.0.0.1:{port}"
    tls: {{cert_file: "{folder}/in.crt", key_file: "{folder}/in.key", client_ca_file: "{ca}"}}
    routes:
{routes}
"""


class Hello(Responder):
    served = 0

    def do_GET(self):
        self.served += 1
        self.respond(200, b"hello", {"Connection": "close"} if self.served >= REQUESTS_KEPT else {})


class Upstream(ThreadingHTTPServer):
    """Speaks TLS with that certificate; the handshake is the connection's own thread's."""
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, identity, client_ca=None):
        super().__init__(("127.0.0.1", 0), Hello)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*identity)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.serials = set()  # of the client certificates
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, connection, address):
        try:
            with self.context.wrap_socket(connection, server_side=True) as secured:
                if identity := secured.getpeercert():
                    self.serials.add(identity["serialNumber"])
                self.RequestHandlerClass(secured, address, self)
        except OSError:
            pass  # what Tidegate refuses


class Client(threading.Thread):
    """Sends requests until it is stopped, on connections that are kept for some of them."""

    def __init__(self, port, context):
        super().__init__(daemon=True)
        self.port, self.context, self.stopped = port, context, threading.Event()
        self.complete, self.failures, self.serials = 0, [], set()

    def run(self):
        while not self.stopped.is_set():
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
            try:
                connection.connect()
                self.serials.add(connection.sock.getpeercert()["serialNumber"])
                for _ in range(REQUESTS_KEPT):
                    connection.request("GET", "/good")
                    response = connection.getresponse()
                    if (response.status, response.read()) != (200, b"hello"):
                        self.failures.append(response.status)
                    self.complete += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            finally:
                connection.close()


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = Path(cls.temporary.name)
        cls.ours, other = Authority(cls.folder / "ours"), Authority(cls.folder / "other", "Other Authority")
        cls.client = cls.ours.issue("client")
        cls.renew()
        good = cls.ours.issue("good")
        served = {"good": Upstream(good, cls.ours.file),
                  "expired": Upstream(cls.ours.issue("expired", from_days=-20, until_days=-10)),
                  "other_name": Upstream(cls.ours.issue("other_name", "DNS:other.example")),
                  "self_signed": Upstream(self_signed(cls.folder)),
                  "untrusted": Upstream(other.issue("untrusted")),
                  "no_certificate": Upstream(good, cls.ours.file)}
        cls.good = served["good"]
        for upstream in served.values():
            cls.addClassCleanup(upstream.server_close)
            cls.addClassCleanup(upstream.shutdown)
        mine = f'cert_file: "{cls.folder}/mine.crt", key_file: "{cls.folder}/mine.key"'
        cls.values = {"admin": free_port(), "port": free_port(), "closed": free_port(), "folder": cls.folder,
                      "ca": cls.ours.file, "queue_tls": "",
                      "upstreams": "".join(f'  {name}: {{endpoints: ["{upstream.url}"]'
                                           + (f", tls: {{{mine}}}" if name == "good" else "") + "}\n"
                                           for name, upstream in served.items()),
                      "routes": "".join(f"      - {{name: {name}, match: {{path: /{name}}}, upstream: {name}}}\n"
                                        for name in served)}
        cls.file = cls.folder / "tidegate.yaml"
        cls.file.write_text(CONFIG.format(**cls.values))
        cls.admin = f"http://127.0.0.1:{cls.values['admin']}"
        cls.program = Program("tidegate", [BIN / "tidegate", "run", "-c", cls.file], cls.folder / "log",
                              cls.admin + "/health")
        cls.program.start()
        cls.addClassCleanup(cls.program.stop)

    @classmethod
    def renew(cls):
        """New files of the listener and of the client certificate, each replaced by a rename."""
        for name in ("in", "mine"):
            for made, end in zip(cls.ours.issue(f"{name}_next"), ("crt", "key")):
                made.rename(cls.folder / f"{name}.{end}")

    def context(self, identity=True):
        context = ssl.create_default_context(cafile=self.ours.file)
        if identity:
            context.load_cert_chain(*self.client)
        return context

    def ask(self, path):
        connection = http.client.HTTPSConnection("127.0.0.1", self.values["port"], context=self.context(), timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def events(self, name):
        return events(self.program.text(), name)

    def test_certificates_are_renewed_under_load_and_no_request_fails(self):
        clients = [Client(self.values["port"], self.context()) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for number in range(RENEWALS):
            self.renew()
            for section in (("listener", "in"), ("upstream", "good")):
                eventually(f"{section} is renewed", lambda: sum(
                    (event["section"], event["name"]) == section
                    for event in self.events("tls_files_reloaded")) > number)
            complete = [client.complete for client in clients]
            eventually("requests with the new ones", lambda: all(
                client.complete > before + 2 * REQUESTS_KEPT for client, before in zip(clients, complete)))
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.join()
            self.assertEqual(client.failures, [])
        self.assertEqual(len(set.union(*(client.serials for client in clients))), 1 + RENEWALS)
        self.assertEqual(len(self.good.serials), 1 + RENEWALS)

    def test_each_wrong_upstream_is_a_connect_failure_with_its_own_reason(self):
        reasons = {"expired": "the server's certificate has expired (valid until ",
                   "other_name": "the server's certificate is for other.example, not for 127.0.0.1",
                   "self_signed": "the server's certificate is self-signed, and not one that is trusted",
                   "untrusted": "is signed by an authority that is not trusted (Other Authority)",
                   "no_certificate": "the server requires a client certificate"}
        for name, reason in reasons.items():
            with self.subTest(upstream=name):
                status, body = self.ask(f"/{name}")
                self.assertEqual((status, json.loads(body)["reason"]), (502, "connect_failure"))
                logged = eventually("the reason is logged", lambda: [
                    event["reason"] for event in self.events("upstream_endpoint_unavailable")
                    if event["upstream"] == name])
                self.assertEqual(len(logged), 1)
                self.assertIn("TLS: ", logged[0])
                self.assertIn(reason, logged[0])
                upstreams = request("GET", self.admin + "/api/status").json()["upstreams"]
                failure = next(each["last_failure"] for each in upstreams if each["name"] == name)
                self.assertIn(reason, json.dumps(failure, ensure_ascii=False))

    def test_a_client_without_a_certificate_is_refused_and_counted(self):
        def failed():
            return metric(self.admin, 'tidegate_listener_tls_handshakes_total{listener="in",result="failed"}')

        before = failed()
        connection = http.client.HTTPSConnection("127.0.0.1", self.values["port"], context=self.context(False),
                                                 timeout=30)
        with self.assertRaises((OSError, http.client.HTTPException)):  # TLS 1.3: where it reads
            connection.request("GET", "/good")
            connection.getresponse()
        connection.close()
        eventually("the refusal is counted", lambda: failed() == before + 1)
        eventually("the reason is logged", lambda: any("the client sent no certificate" in event["reason"]
                                                       for event in self.events("tls_handshake_failed")))

    def test_a_reload_says_that_the_tls_of_an_open_queue_needs_a_restart(self):
        def reload(**changed):
            self.file.write_text(CONFIG.format(**{**self.values, **changed}))
            answer = request("POST", self.admin + "/api/reload", b"")
            self.assertEqual(answer.status, 200, answer.body)
            return answer.json()["needs_restart"]

        self.assertEqual(reload(queue_tls='server_name: redis.example, handshake_timeout: 9s'),
                         ["queues.jobs.tls.handshake_timeout: 5s -> 9s",
                          "queues.jobs.tls.server_name:  -> redis.example"])
        copy = self.folder / "copy.crt"
        shutil.copy(self.ours.file, copy)
        self.assertEqual(reload(ca=copy), ["tls.ca_file: changed; queue jobs keeps what it was opened with"])
        self.assertEqual(reload(), [])


if __name__ == "__main__":
    unittest.main()
