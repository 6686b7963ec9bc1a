#!/usr/bin/env python3
"""The story of docker-compose.yml, told to containers that run (`make up MONITORING=1`): pictures go through the ingress,
the optimizer's container stops, uploads are accepted and Tidegate is killed among them, the optimizer starts again, and
every promise is kept. Then no secret is seen where none may be, and all stop cleanly. The containers are gone at the end,
their volumes are not. Prometheus is asked whether it saw the breaker where it runs.

    tests/compose/smoke.py [--keep]        --keep: leave everything running
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("e2e", "monitoring")]

from asked import Asked  # noqa: E402
from photo import make_png  # noqa: E402
from programs import eventually, http, upload  # noqa: E402

SERVICE = f"http://127.0.0.1:{os.environ.get('HTTP_PORT', '8000')}"
ADMIN = f"http://127.0.0.1:{os.environ.get('ADMIN_PORT', '9901')}"
PROMETHEUS = f"http://127.0.0.1:{os.environ.get('PROMETHEUS_PORT', '9090')}"
OURS = ("tidegate", "api", "optimizer")
SMALL_BYTES = {"tidegate": 120_000_000, "api": 120_000_000}
OPEN_FOR_MOST_S = 400  # the breaker's open_for_max, and a probe


def run(*command, check=True):
    return subprocess.run(command, cwd=ROOT, check=check, capture_output=True, text=True)


def find_compose():
    plugin = run("docker", "compose", "version", check=False).returncode == 0
    return ["docker", "compose"] if plugin else ["docker-compose"]


class Compose:
    def __init__(self):
        self.command = [*find_compose(), "-f", "docker-compose.yml", "--profile", "monitoring"]

    def __call__(self, *arguments):
        return run(*self.command, *arguments)

    def containers(self):
        return self("ps", "-aq").stdout.split()

    def container(self, service):
        return self("ps", "-aq", service).stdout.split()[0]

    def runs(self, service):
        ids = self("ps", "-aq", service).stdout.split()
        return bool(ids) and self.inspect(ids[0])["State"]["Running"]

    @staticmethod
    def inspect(container):
        return json.loads(run("docker", "inspect", container).stdout)[0]


def say(text):
    print(f"{time.strftime('%T')}  {text}", flush=True)


def answers(url):
    try:
        return http("GET", url, timeout=3).status == 200
    except OSError:
        return False


class Story:
    def __init__(self, compose):
        self.compose, self.picture, self.count = compose, make_png(320, 200), 0
        self.promised = {}  # key -> when
        self.begun = time.time()

    def upload(self):
        """The status; None where nobody answered. A 202 is remembered; on 429 it comes again when it is told to."""
        self.count += 1
        try:
            answer = upload(SERVICE, self.picture, f"smoke {self.begun} {self.count}")
        except OSError:
            return None
        if answer.status == 429:
            time.sleep(int(answer.headers["Retry-After"]))
            return self.upload()
        if answer.status == 202:
            self.promised[answer.json()["key"]] = time.time()
        return answer.status

    def through(self):
        statuses = [self.upload() for _ in range(3)]
        assert statuses == [200] * 3, statuses
        say("three pictures went through the ingress")

    def outage(self):
        run("docker", "stop", self.compose.container("optimizer"))
        say("the optimizer is stopped")
        statuses = [self.upload() for _ in range(8)]
        assert statuses == [202] * 8, statuses
        breaker = http("GET", ADMIN + "/api/status").json()["breakers"][0]
        assert breaker["state"] in ("open", "half_open"), breaker
        say(f"eight uploads are accepted; the breaker is {breaker['state']}: {breaker['detail']}")

    def kill_tidegate(self):
        tidegate = self.compose.container("tidegate")
        run("docker", "kill", "-s", "KILL", tidegate)
        refused = [self.upload() for _ in range(2)]
        assert all(status is None or status >= 500 for status in refused), refused
        run("docker", "start", tidegate)
        eventually("Tidegate answers again", lambda: answers(ADMIN + "/ready") and answers(SERVICE + "/health"))
        statuses = [self.upload() for _ in range(6)]
        assert statuses == [202] * 6, statuses
        say("Tidegate was killed and started; six more are accepted")

    def kill_api(self):
        api = self.compose.container("api")
        run("docker", "kill", "-s", "KILL", api)
        status = self.upload()
        assert status == 502, status
        run("docker", "start", api)
        eventually("the API answers again", lambda: answers(SERVICE + "/health"))
        status = self.upload()
        assert status == 202, status
        say("the API was killed and started; Tidegate, in the same namespace, went on")

    def recovery(self):
        run("docker", "start", self.compose.container("optimizer"))
        say(f"the optimizer is started; {len(self.promised)} promises wait")
        for key in self.promised:
            eventually(f"{key} is done", lambda key=key: self.is_done(key), OPEN_FOR_MOST_S)
            assert http("GET", f"{SERVICE}/images/{key}").body.startswith(b"\x89PNG"), key
        eventually("the breaker is closed", lambda: self.breaker_state() == "closed", OPEN_FOR_MOST_S)
        say(f"all {len(self.promised)} promises are kept, and the breaker is closed")

    @staticmethod
    def breaker_state():
        return http("GET", ADMIN + "/api/status").json()["breakers"][0]["state"]

    @staticmethod
    def is_done(key):
        answer = http("GET", f"{SERVICE}/status/{key}")
        if answer.status == 429:
            return False
        status = answer.json()["status"]
        assert status != "failed", answer.body
        return status == "done"

    def seen_by_prometheus(self):
        query = urllib.parse.urlencode({"query": 'tidegate_breaker_state{state=~"open|closed"}', "step": "5s",
                                        "start": self.begun, "end": time.time() + 5})

        def states():
            data = http("GET", f"{PROMETHEUS}/api/v1/query_range?{query}").json()["data"]["result"]
            return {line["metric"]["state"]: [value for _, value in line["values"]] for line in data}

        eventually("Prometheus has seen the breaker open and closed again",
                   lambda: "1" in states().get("open", []) and states()["closed"][-1] == "1")
        file = ROOT / "build" / "compose-breaker.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(states()) + "\n")
        say(f"Prometheus saw the breaker open and close: {file.relative_to(ROOT)}")


def check_queries():
    prometheus = Asked()
    prometheus.url = PROMETHEUS
    queries = prometheus.all_queries()
    missing = [line for query in queries for line in prometheus.missing_of(query)]
    assert not missing, "\n".join(missing)
    say(f"each of the {len(queries)} queries of rules and dashboard finds its series")


def check_images(compose):
    for service in OURS:
        size = json.loads(run("docker", "image", "inspect", compose.inspect(compose.container(service))["Image"]).stdout)
        mega = size[0]["Size"] / 1e6
        say(f"the image of {service} has {mega:.1f} MB")
        assert size[0]["Size"] < SMALL_BYTES.get(service, 1 << 40), f"{service} is too large"


def check_secrets(compose):
    secrets = {file.name: line for file in (ROOT / "deploy/secrets").iterdir() for line in [file.read_text().strip()]
               if "\n" not in line and " " not in line}
    assert len(secrets) >= 8, secrets.keys()
    for container in compose.containers():
        log = run("docker", "logs", container)
        seen = run("docker", "inspect", container).stdout + log.stdout + log.stderr
        for name, value in secrets.items():
            assert value not in seen, f"{name} is seen in {compose.inspect(container)['Name']}"
    say(f"none of {len(secrets)} secrets is seen in an environment, a command line or a log")


def check_rights(compose):
    for service in OURS:
        container = compose.inspect(compose.container(service))
        host, config = container["HostConfig"], container["Config"]
        assert config["User"] == "10001:10001" and host["ReadonlyRootfs"] and not host["CapAdd"], service
        assert host["CapDrop"] == ["ALL"] and "no-new-privileges:true" in host["SecurityOpt"], service
        assert container["State"]["Health"]["Status"] == "healthy", service
    say("ours run as a user without rights, capabilities or a writable root, and are healthy")


def check_end(compose):
    begun = time.time()
    compose("stop")
    for container in map(compose.inspect, compose.containers()):
        name, state = container["Name"].strip("/"), container["State"]
        assert not state["OOMKilled"] and state["ExitCode"] == 0, f"{name} ended with {state['ExitCode']}"
    for service in OURS:
        log = run("docker", "logs", "--tail", "5", compose.container(service))
        assert '"event":"stopped"' in log.stdout + log.stderr, f"{service} did not stop in order:\n{log.stderr}"
    compose("down")
    say(f"all stopped with exit status 0 within {time.time() - begun:.0f} s; ours in order")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    keep = parser.parse_args().keep
    compose = Compose()
    eventually("the service is there", lambda: answers(SERVICE + "/health") and answers(ADMIN + "/ready"), 120)
    story = Story(compose)
    story.through()
    check_rights(compose)
    check_images(compose)
    story.outage()
    story.kill_tidegate()
    story.kill_api()
    story.recovery()
    if compose.runs("prometheus"):
        story.seen_by_prometheus()
        check_queries()
    else:
        say("Prometheus does not run, and is not asked")
    check_secrets(compose)
    if not keep:
        check_end(compose)
    say("the story is told")


if __name__ == "__main__":
    main()
