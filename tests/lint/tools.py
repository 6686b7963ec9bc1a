#!/usr/bin/env python3
"""What the tests start is there after `make test` has installed its packages, or the test skips itself: a test never
fails for lack of a program or of a Python module."""
import ast
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# In every Debian: its essential packages.
ESSENTIAL = {"bash", "cat", "env", "setpriv", "sh", "true"}
# Program -> the package of deploy/deps.sh, group build or test, that installs it.
INSTALLED = {"amqp-get": "amqp-tools", "chromedriver": "chromium-driver", "chromium": "chromium", "ctest": "cmake",
             "curl": "curl", "epmd": "rabbitmq-server", "git": "git", "openssl": "openssl", "prometheus": "prometheus",
             "promtool": "prometheus", "python3": "python3", "rabbitmq-server": "rabbitmq-server",
             "redis-server": "redis-server"}
MODULES = {"selenium": "python3-selenium", "websockets": "python3-websockets"}
# Not of `make test`: started by hand, with their own list of what they need.
BY_HAND = {"tests/bench", "tests/compose/smoke.py", "tests/fresh.py"}
# Looked for, and replaced where it is missing.
REPLACED = {"tests/support/minio.py": {"go", "minio"}}

STARTERS = {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "execvp", "execvpe"}
CXX_START = re.compile(r'(?:\bProcess\s+\w+\(\{|\bis_installed\(|\bpopen\(|\bsystem\(|\bexeclp\()\s*"([\w.+-]+)')


def python_files():
    for file in sorted((ROOT / "tests").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        if not any(name.startswith(by_hand) for by_hand in BY_HAND):
            yield name, file.read_text()


def literal(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def started_by(call, constants):
    """The program's name where it is a literal: a string, or the first string of a list, behind *LISTS of this file."""
    if called(call) not in STARTERS or not call.args or not isinstance(call.args[0], ast.List):
        return []
    names = []
    for element in call.args[0].elts:
        if isinstance(element, ast.Starred) and isinstance(element.value, ast.Name):
            names += constants.get(element.value.id, [])[:1]
            continue
        return names + ([literal(element)] if literal(element) else [])
    return names


def programs_of(text):
    """(program, line, whether a test that needs it skips itself where it is missing)"""
    tree = ast.parse(text)
    constants = {target.id: [literal(item) for item in node.value.elts if literal(item)]
                 for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
                 for target in node.targets if isinstance(target, ast.Name)}

    def visit(node, guarded):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            looks = [call for part in (node.decorator_list if isinstance(node, ast.ClassDef) else [node])
                     for call in ast.walk(part) if isinstance(call, ast.Call) and called(call) == "which"]
            guarded = guarded | {literal(call.args[0]) for call in looks}
        if isinstance(node, ast.Call):
            for program in started_by(node, constants):
                yield program, node.lineno, program in guarded
        for child in ast.iter_child_nodes(node):
            yield from visit(child, guarded)

    return list(visit(tree, set()))


def packages():
    """What `make test` installs."""
    return set(subprocess.run([ROOT / "deploy/deps.sh", "--list", "build", "test"], check=True, capture_output=True,
                              text=True).stdout.split())


class Tools(unittest.TestCase):
    def test_every_program_that_a_test_starts_is_installed_or_the_test_skips_itself(self):
        findings, seen = [], set()
        for name, text in python_files():
            for program, line, guarded in programs_of(text):
                seen.add(program)
                if not guarded and program not in {*ESSENTIAL, *INSTALLED, *REPLACED.get(name, ())}:
                    findings.append(f"{name}:{line}: {program}")
        for file in sorted((ROOT / "tests").rglob("*.cc")):
            text = file.read_text()
            for found in CXX_START.finditer(text):
                seen.add(found[1])
                if found[1] not in {*ESSENTIAL, *INSTALLED}:
                    findings.append(f"{file.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}: {found[1]}")
        self.assertFalse(findings, "\n" + "\n".join(findings))
        self.assertLessEqual({"amqp-get", "promtool", "setpriv", "docker-compose"}, seen, "the rule finds programs")

    def test_what_installs_them_is_in_the_list_of_packages(self):
        self.assertEqual({*INSTALLED.values(), *MODULES.values()} - packages(), set())

    def test_every_python_module_is_the_languages_own_ours_or_in_a_package(self):
        ours = {file.stem for folder in ("tests", "deploy") for file in (ROOT / folder).rglob("*.py")}
        for name, text in python_files():
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    modules = [node.module]
                else:
                    continue
                for module in modules:
                    self.assertIn(module.split(".")[0], {*sys.stdlib_module_names, *ours, *MODULES}, f"in {name}")


class Rules(unittest.TestCase):
    def test_a_program_behind_a_list_of_the_file_is_found_too(self):
        text = 'BOUND = ["setpriv", "--x"]\nsubprocess.run([*BOUND, "tool", "-v"])\nrun([BIN / "tidegate"])\n'
        self.assertEqual(programs_of(text), [("setpriv", 2, False), ("tool", 2, False)])

    def test_a_guard_counts_for_the_test_that_has_it_and_for_no_other(self):
        text = ('class Case:\n'
                '    @skipUnless(which("tool"), "no tool")\n'
                '    def test_a(self):\n        run(["tool"])\n'
                '    def test_b(self):\n        run(["tool"])\n')
        self.assertEqual(programs_of(text), [("tool", 4, True), ("tool", 6, False)])


if __name__ == "__main__":
    unittest.main()
