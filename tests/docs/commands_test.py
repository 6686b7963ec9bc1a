"""docs/reference/cli.md has every command and option that `--help` prints, and no other."""
import re
import subprocess
import unittest

from pages import DOCS, ROOT, code_spans, headings, rows

from demonstration import BIN

PAGE = DOCS / "reference/cli.md"
PROGRAMS = ("tidegate", "watermark-api", "watermark-optimizer")


def help_of(words):
    return subprocess.run([BIN / words[0], *words[1:], "--help"], capture_output=True, text=True, timeout=30).stdout


def subcommands(text):
    listed = re.search(r"^Subcommands:\n(.*?)(^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^  (\w+) ", listed[1], re.MULTILINE) if listed else []


def options(text):
    """Each option as the page names it: its names, or the name of a positional one."""
    found = {frozenset(re.findall(r"--?[\w-]+", match))
             for match in re.findall(r"^  (-[\w-]+(?:,--?[\w-]+)*)", text, re.MULTILINE)}
    positionals = re.search(r"^Positionals:\n(.*?)(^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    names = re.findall(r"^  (\w+) ", positionals[1] if positionals else "", re.MULTILINE)
    found |= {frozenset([name]) for name in names}
    return found - {frozenset(["-h", "--help"])}


def every_command(words):
    """(command, its help) of everything that does something."""
    text = help_of(words)
    below = subcommands(text)
    if not below or words[0] != "tidegate":
        yield " ".join(words), text
    for name in below:
        yield from every_command([*words, name])


class CommandLine(unittest.TestCase):
    def test_the_page_has_every_command_and_option_and_no_other(self):
        page = {}
        for heading, cells in rows(PAGE, "option"):
            page.setdefault(heading, set()).add(frozenset(code_spans(cells[0])))
        named = {heading for _, heading in headings(PAGE)} | set(
            span for line in rows(PAGE, "command") for span in code_spans(line[1][0]))
        found = {}
        for program in PROGRAMS:
            for command, text in every_command([program]):
                self.assertIn(command, named)
                if options(text):
                    found[command] = options(text)
        self.assertEqual(page, found)

    def test_every_exit_code_of_the_source_is_on_the_page(self):
        sources = "".join(file.read_text() for file in (ROOT / "proxy").rglob("*.cc"))
        headers = "".join(file.read_text() for file in (ROOT / "proxy").rglob("*.h"))
        codes = {code for name, code in re.findall(r"(kExit\w+) = (\d)", headers) if name in sources}
        self.assertGreater(len(codes), 3)
        self.assertEqual({cells[0] for _, cells in rows(PAGE, "code")}, codes)

    def test_the_environment_of_the_api_is_in_its_readme(self):
        text = help_of(["watermark-api"])
        variables = set(re.findall(r"\b([A-Z][A-Z0-9]*_[A-Z_]+|LISTEN)\b", text.split("Environment:")[1]))
        variables -= {"NAME_FILE", "USER"}
        self.assertGreater(len(variables), 12)
        page = {span for _, cells in rows(ROOT / "api/README.md", "variable") for span in code_spans(cells[0])}
        self.assertEqual(page, variables)


if __name__ == "__main__":
    unittest.main()
