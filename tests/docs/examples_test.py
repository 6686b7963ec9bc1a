"""Every example of the documents works: each configuration is checked, each command runs, each output is what comes.

The commands of a page run in one shell, in order, as a reader types them, against the demonstration that `make run`
starts. A block of `text` behind commands is their output: its lines come in that order, others may come between. A
block of `json` has the members of the last JSON that they print, with values of the same types.
"""
import json
import re
import shutil
import subprocess
import tempfile
import unittest

from pages import ROOT, all_documents, blocks

from demonstration import BIN, demonstration, run

# Commands that a test cannot run, and why. A block is left out if one of its lines begins so.
NOT_RUN = {
    "make run": "runs until Ctrl-C; the tests start the same programs in the same way",
    "make build": "builds; `make test` has done it",
    "make release": "builds; `make test` has done it",
    "make deps-all": "installs packages",
    "make up": "needs Docker",
    "make chaos": "takes an hour; tests/e2e/chaos_test.py runs a short one",
    "make test": "would run itself",
    "sudo ": "changes the machine",
    "cmake --preset bench": "builds the benchmark",
    "tests/bench/run.py": "measures for minutes",
    "mkdir salvage": "needs a damaged job file, and sqlite3, which no script installs",
    "mv jobs.db": "goes on from there",
    "sqlite3 jobs.db": "needs sqlite3, which no script installs",
    "mkdir aside": "needs a damaged job file",
}
# Documents whose commands are for contributors, not for users: named here, so that none is forgotten.
FOR_CONTRIBUTORS = {"tests/bench/README.md", "tests/chaos/README.md", "ARCHITECTURE.md"}
BOUNDARY = "----boundary of blocks----"
# What differs from run to run.
VARIABLE = re.compile(r"\b[0-9a-f]{8,}\b|\d+\.\d+s?|\b\d{4}-\d\d-\d\dT[\d:.]+Z")


def not_run(block):
    return next((reason for line in block.text.splitlines() for begin, reason in NOT_RUN.items()
                 if line.startswith(begin)), None)


def normal(line):
    return VARIABLE.sub("…", line.rstrip())


def shape(value):
    """Members and types of a JSON; of a list only that it is one, since it may be empty; null may become something."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return type(value).__name__ if not isinstance(value, (int, float)) or isinstance(value, bool) else "number"


def agrees(documented, real):
    if isinstance(documented, dict):
        return isinstance(real, dict) and documented.keys() == real.keys() and all(
            agrees(documented[key], real[key]) for key in documented)
    if isinstance(documented, list):
        return isinstance(real, list) and all(agrees(documented[0], item) for item in real if documented)
    return documented is None or real is None or shape(documented) == shape(real)


class Configurations(unittest.TestCase):
    def test_every_yaml_of_the_documents_is_a_configuration_without_mistakes(self):
        checked = 0
        for file in all_documents():
            for block in blocks(file):
                if block.kind != "yaml":
                    continue
                checked += 1
                with self.subTest(block=block.where):
                    if block.marker.startswith("not Tidegate"):
                        self.assertIn(block.text.strip(), self.shipped_file(block.marker))
                        continue
                    with tempfile.TemporaryDirectory() as folder, \
                            tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
                        config.write(self.with_certificates(block.text, folder))
                        config.flush()
                        done = subprocess.run([BIN / "tidegate", "check", config.name], capture_output=True, text=True,
                                              timeout=30)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreater(checked, 8)

    def with_certificates(self, text, folder):
        """Certificates and keys that a page names are files of the reader's: one pair is all of them here."""
        if not re.search(r"/etc/tidegate/\S+\.(crt|key)", text):
            return text
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed: it makes the certificate of an example")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x", "-keyout",
                        f"{folder}/it.key", "-out", f"{folder}/it.crt"], check=True, capture_output=True)
        return re.sub(r"/etc/tidegate/\S+\.(crt|key)", rf"{folder}/it.\1", text)

    def shipped_file(self, marker):
        return (ROOT / re.search(r"\S+/\S+", marker)[0]).read_text()

    def test_the_yaml_of_the_readme_is_one_policy(self):
        self.assertEqual([block.kind for block in blocks(ROOT / "README.md")].count("yaml"), 1)

    def test_every_example_file_is_named_in_the_documents(self):
        text = "".join(file.read_text() for file in all_documents())
        for file in (ROOT / "config/examples").glob("*.yaml"):
            with self.subTest(file=file.name):
                self.assertTrue(f"config/examples/{file.name}" in text)


class Commands(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.stack = demonstration()

    def test_every_page_with_commands_is_run(self):
        for file in sorted(all_documents(), key=lambda file: file.name == "rate-limits.md"):  # it leaves no tokens
            name = str(file.relative_to(ROOT))
            parts = blocks(file)
            commands = [block for block in parts if block.kind == "sh" and not not_run(block)]
            if not commands or name in FOR_CONTRIBUTORS:
                continue
            with self.subTest(page=name):
                self.run_page(commands, parts)

    def run_page(self, commands, parts):
        self.stack.recover()
        script = "set -eu -o pipefail\n" + f"echo; echo '{BOUNDARY}'\n".join(block.text for block in commands)
        done = run(self.stack.at(script), self.stack)
        outputs = done.stdout.split(f"\n{BOUNDARY}\n")
        if done.returncode != 0:
            block = commands[min(len(outputs), len(commands)) - 1]
            self.fail(f"{block.where} ended with {done.returncode}\n{done.stderr}\n{outputs[-1]}")
        self.assertEqual(len(outputs), len(commands))
        for block, output in zip(commands, outputs):
            for expected in self.outputs_of(block, parts):
                self.compare(expected, output)

    def outputs_of(self, block, parts):
        """The blocks of output between these commands and the next."""
        for follower in parts[parts.index(block) + 1:]:
            if follower.kind not in ("text", "json"):
                return
            yield follower

    def compare(self, expected, output):
        if expected.kind == "text":
            lines = iter(normal(line) for line in self.undo(output).splitlines())
            for line in expected.text.splitlines():
                self.assertIn(normal(line), lines, f"{expected.where}: {line!r} is not in the output\n{output}")
            return
        printed = [line for line in output.splitlines() if line.lstrip().startswith("{")]
        self.assertTrue(printed, f"{expected.where}: the commands print no JSON\n{output}")
        real = json.loads(printed[-1][printed[-1].index("{"):])
        documented = json.loads(expected.text)
        self.assertTrue(agrees(documented, real), f"{expected.where}: {json.dumps(real)}")

    def undo(self, output):
        """With the shipped ports again."""
        for name, port in (("optimizer", 3001), ("proxy", 8081), ("admin", 9901), ("api", 8080)):
            output = output.replace(self.stack.urls[name].removeprefix("http://"), f"127.0.0.1:{port}")
        return output

    def test_every_reason_for_not_running_a_command_is_needed(self):
        lines = [line for file in all_documents() for block in blocks(file) if block.kind in ("sh", "")
                 for line in block.text.splitlines()]
        for begin in NOT_RUN:
            with self.subTest(begin=begin):
                self.assertTrue(any(line.startswith(begin) for line in lines))


if __name__ == "__main__":
    unittest.main()
