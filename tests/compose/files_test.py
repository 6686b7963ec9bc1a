#!/usr/bin/env python3
"""docker-compose.yml, the secrets and the configuration name the same files. Without Docker; smoke.py is the rest."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
CONFIG = (ROOT / "config/examples/watermark.yaml").read_text()


def make_secrets(folder):
    done = subprocess.run([ROOT / "deploy/secrets.sh", folder], capture_output=True, text=True, check=True)
    return done.stdout, {file.name: file.read_text() for file in pathlib.Path(folder).iterdir()}


def service(name):
    """The lines of one service."""
    return re.search(rf"^  {name}:\n((?:    .*\n|\n)*)", COMPOSE.split("\nservices:\n")[1], re.MULTILINE)[1]


def secrets_of(name):
    return set(re.search(r"^    secrets: \[(.*)\]$", service(name), re.MULTILINE)[1].split(", "))


class Secrets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "secrets"

    def test_what_compose_mounts_is_made(self):
        _, made = make_secrets(self.folder)
        self.assertEqual(set(re.findall(r"\{file: deploy/secrets/(.+)\}", COMPOSE)), set(made))

    def test_they_are_random_and_those_that_are_there_stay(self):
        _, first = make_secrets(self.folder)
        said, again = make_secrets(self.folder)
        self.assertEqual((said, again), ("", first))
        _, others = make_secrets(self.folder.parent / "others")
        self.assertEqual([name for name in first if first[name] == others[name]], [])
        for value in first.values():
            self.assertGreaterEqual(len(value), 20)

    def test_only_their_owner_comes_to_them(self):
        make_secrets(self.folder)
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)

    def test_a_password_of_ones_own_is_in_whatever_is_made_of_it(self):
        self.folder.mkdir()
        (self.folder / "redis_password").write_text("of-our-own")
        _, made = make_secrets(self.folder)
        self.assertEqual(made["redis_url"], "redis://:of-our-own@redis:6379/0")
        self.assertEqual(made["redis.conf"], "requirepass of-our-own\n")

    def test_git_and_the_images_do_not_get_them(self):
        self.assertIn("/deploy/secrets/", (ROOT / ".gitignore").read_text().splitlines())
        self.assertIn("deploy/secrets", (ROOT / ".dockerignore").read_text().splitlines())


class Files(unittest.TestCase):
    def test_tidegate_gets_the_secrets_that_its_configuration_reads(self):
        self.assertEqual(set(re.findall(r"\$\{file:/run/secrets/(\w+)\}", CONFIG)), secrets_of("tidegate"))

    def test_the_api_gets_the_secrets_that_its_environment_names(self):
        self.assertEqual(set(re.findall(r"_FILE: /run/secrets/(\w+)", service("api"))), secrets_of("api"))

    def test_compose_sets_only_what_the_configuration_reads(self):
        named = set(re.findall(r"^      (\w+): \$\{\w+:-\}$", service("tidegate"), re.MULTILINE))
        self.assertGreaterEqual(len(named), 5)
        self.assertEqual(named - set(re.findall(r"\$\{(\w+):-", CONFIG)), set())

    def test_the_default_addresses_of_the_configuration_are_the_services(self):
        defaults = dict(re.findall(r"\$\{(\w+_ADDRESS):-([\w.]+):\d+\}", CONFIG))
        for name in ("OPTIMIZER", "RABBITMQ", "REDIS", "S3"):
            self.assertTrue(service(defaults[f"{name}_ADDRESS"]), name)

    def test_nothing_is_published_beyond_loopback(self):
        ports = re.findall(r"^ +- (\S*\$\{\w+_PORT:-\d+\}:\d+)|ports: \[\"(.*)\"\]", COMPOSE, re.MULTILINE)
        self.assertEqual(len(ports), 4)
        for port in ports:
            self.assertTrue("".join(port).startswith("127.0.0.1:"), port)

    def test_a_full_redis_gives_up_cached_pictures_and_no_record_of_a_job(self):
        # The records have no time to live, the pictures have.
        command = " ".join(service("redis").split())
        self.assertIn("--maxmemory-policy, volatile-lru", command)

    @unittest.skipUnless(shutil.which("docker-compose"), "skipped: docker-compose is not installed")
    def test_compose_reads_the_files(self):
        for more in ([], ["-f", "deploy/compose.demo.yml"]):
            done = subprocess.run(["docker-compose", "-f", "docker-compose.yml", *more, "config", "-q"], cwd=ROOT,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
