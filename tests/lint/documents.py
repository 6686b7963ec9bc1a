#!/usr/bin/env python3
"""The documents name what exists: files, links, make targets, configuration keys."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(str(file.relative_to(ROOT)) for folder in ("docs", "api", "optimizer", "tests")
                   for file in (ROOT / folder).rglob("*.md")) + [file.name for file in ROOT.glob("*.md")]
FOLDERS = ("proxy/", "api/", "optimizer/", "tests/", "config/", "deploy/", "cmake/")

CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)\b")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def documents():
    for name in DOCUMENTS:
        yield ROOT / name, (ROOT / name).read_text()


class Documents(unittest.TestCase):
    def test_every_file_that_is_named_exists(self):
        checked = 0
        for file, text in documents():
            for name in CODE.findall(FENCE.sub("", text)):
                if not name.startswith(FOLDERS) or " " in name or name.startswith("tests/run.py "):
                    continue
                checked += 1
                self.assertTrue(any(ROOT.glob(name.rstrip("/"))), f"{file.name} names {name}")
        self.assertGreater(checked, 40)

    def test_every_link_leads_somewhere(self):
        for file, text in documents():
            for target in LINK.findall(text):
                self.assertTrue((file.parent / target).exists(), f"{file.name} links to {target}")

    def test_every_make_target_that_is_named_exists(self):
        targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        for file, text in documents():
            commands = CODE.findall(text) + [line for block in FENCE.findall(text) for line in block.splitlines()]
            for command in commands:
                for target in MAKE.findall(command) if command.startswith("make ") else []:
                    self.assertIn(target, targets, f"{file.name} says make {target}")

    def test_every_target_that_help_lists_is_phony(self):
        makefile = (ROOT / "Makefile").read_text()
        phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
        self.assertEqual(set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE)), phony)


if __name__ == "__main__":
    unittest.main()
