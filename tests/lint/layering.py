#!/usr/bin/env python3
"""The rules of the source that a compiler does not check, as tests: which layer may include which, who may touch
libuv, clocks and dice, and how large a file may grow. CONTRIBUTING.md says why."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Dependency order: a layer includes itself and the layers before it.
LAYERS = ["base", "net", "http", "redis", "policy", "config", "jobs", "metrics", "core", "admin", "cli"]
PROGRAM_LAYERS = {"api": ["base", "net", "http", "redis", "policy", "config"], "optimizer": ["base", "net", "http"]}
# What one program takes from another: what a watermark's text may be has one owner, and so have how large a picture may
# be, and the pool for slow work.
SHARED = {"api": ["optimizer/image/image_limits.h", "optimizer/image/refusal.h", "optimizer/image/text.h", "optimizer/work/work_pool.h"]}
LINES_MAX = 300
# What may be longer, and how long: a list that should become shorter.
LONGER = {}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]', re.MULTILINE)
CLOCKS_AND_DICE = re.compile(
    r"\b(?:system_clock|steady_clock|high_resolution_clock|random_device|sleep_for|sleep_until)\b"
    r"|(?<![\w.>:])(?:std::)?(?:time|gettimeofday|clock_gettime|getrandom|nanosleep|usleep|sleep|rand|srand)\s*\("
    r"|\bstd::clock\s*\(|(?<![\w.>:])clock\s*\(\s*\)")
# Headers whose calls go around the seam.
ONLY_IN_NET = re.compile(r"^(?:uv\.h|sys/(?:socket|epoll|timerfd)\.h)$")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")

TEXT_ENDINGS = {".cc", ".h", ".py", ".sh", ".md", ".cmake", ".txt", ".yaml", ".json", ".html", ".js", ".css"}
FOLDERS = ["proxy", "api", "optimizer", "tests", "config", "deploy", "cmake"]


def files_of(*folders, endings=(".cc", ".h")):
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*"))
             if file.suffix in endings and file.is_file() and "__pycache__" not in file.parts]
    assert found, f"no sources in {folders}"
    return found


def without_comments_and_strings(text):
    """The code alone; what is taken out leaves its line ends, so that line numbers hold."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"'
                         r'|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return pattern.sub(lambda found: "\n" * found[0].count("\n"), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes_of(file):
    text = file.read_text()
    for found in INCLUDE.finditer(text):
        yield line_of(text, found.start()), found[1] == '"', found[2]


class Layering(unittest.TestCase):
    def assert_none(self, findings):
        self.assertFalse(findings, "\n" + "\n".join(findings))

    def finding(self, file, line, what):
        return f"{file.relative_to(ROOT)}:{line}: {what}"

    def test_every_layer_of_the_list_exists_and_no_other(self):
        folders = sorted(entry.name for entry in (ROOT / "proxy").iterdir() if entry.is_dir())
        self.assertEqual(folders, sorted(LAYERS))

    def test_no_include_points_to_a_later_layer(self):
        findings = []
        for place, layer in enumerate(LAYERS):
            allowed = LAYERS[:place + 1]
            for file in files_of(f"proxy/{layer}"):
                for line, own, name in includes_of(file):
                    if own and name.split("/")[0] not in allowed:
                        findings.append(self.finding(file, line, f"{layer} may not include {name}"))
        self.assert_none(findings)

    def test_the_programs_use_the_lower_layers_and_themselves_only(self):
        findings = []
        for program, layers in PROGRAM_LAYERS.items():
            for file in files_of(program):
                for line, own, name in includes_of(file):
                    if own and name.split("/")[0] not in [*layers, program] and name not in SHARED.get(program, []):
                        findings.append(self.finding(file, line, f"{program} may not include {name}"))
        self.assert_none(findings)

    def test_an_own_header_is_included_by_its_full_path_and_exists(self):
        findings = []
        for file in files_of("proxy", *PROGRAM_LAYERS):
            for line, own, name in includes_of(file):
                if own and not any((base / name).is_file() for base in (ROOT / "proxy", ROOT)):
                    findings.append(self.finding(file, line, f"there is no {name}"))
        self.assert_none(findings)

    def test_only_net_touches_libuv_and_sockets(self):
        findings = []
        for file in files_of("proxy", *PROGRAM_LAYERS):
            if file.is_relative_to(ROOT / "proxy/net"):
                continue
            for line, _, name in includes_of(file):
                # Addresses are values of base, written and read as the system's own structures.
                if ONLY_IN_NET.match(name) and not (name == "sys/socket.h" and file.parent.name == "base"):
                    findings.append(self.finding(file, line, f"{name} belongs to net/"))
        self.assert_none(findings)

    def test_only_net_reads_clocks_sleeps_or_rolls_dice(self):
        findings = []
        for file in files_of("proxy", *PROGRAM_LAYERS):
            if file.is_relative_to(ROOT / "proxy/net"):
                continue
            code = without_comments_and_strings(file.read_text())
            for found in CLOCKS_AND_DICE.finditer(code):
                findings.append(self.finding(file, line_of(code, found.start()), f"{found[0]} belongs to net/"))
        self.assert_none(findings)

    def test_every_header_is_guarded_and_opens_no_namespace_for_all(self):
        findings = []
        for file in files_of("proxy", "tests", *PROGRAM_LAYERS, endings=(".h",)):
            text = file.read_text()
            if "#pragma once" not in text:
                findings.append(self.finding(file, 1, "no #pragma once"))
            if found := re.search(r"^using namespace (?!\S*literals;)", text, re.MULTILINE):
                findings.append(self.finding(file, line_of(text, found.start()), "using namespace in a header"))
        self.assert_none(findings)


class Files(unittest.TestCase):
    def test_no_source_is_longer_than_the_limit(self):
        findings = []
        for file in files_of(*FOLDERS, endings=(".cc", ".h", ".py")):
            name = file.relative_to(ROOT).as_posix()
            count = len(file.read_text().splitlines())
            if count > LONGER.get(name, LINES_MAX):
                findings.append(f"{name}: {count} lines, at most {LONGER.get(name, LINES_MAX)}")
        self.assertFalse(findings, "\n" + "\n".join(findings))

    def test_nothing_is_marked_as_unfinished(self):
        marked = [f"{file.relative_to(ROOT)}:{line_of(text, found.start())}: {found[0]}"
                  for file in files_of(*FOLDERS, endings=TEXT_ENDINGS) if file != pathlib.Path(__file__).resolve()
                  for text in [file.read_text()] for found in UNFINISHED.finditer(text)]
        self.assertFalse(marked, "\n" + "\n".join(marked))

    def test_text_ends_with_one_newline_and_has_no_tabs_or_trailing_blanks(self):
        findings = []
        for file in files_of(*FOLDERS, endings=(".cc", ".h", ".py", ".sh", ".cmake", ".yaml")):
            text = file.read_text()
            if text and (not text.endswith("\n") or text.endswith("\n\n")):
                findings.append(f"{file.relative_to(ROOT)}: does not end with exactly one newline")
            for number, line in enumerate(text.splitlines(), 1):
                if "\t" in line or line != line.rstrip():
                    findings.append(f"{file.relative_to(ROOT)}:{number}: tab or trailing blank")
        self.assertFalse(findings, "\n" + "\n".join(findings))


class Rules(unittest.TestCase):
    """The rules find what they are for."""

    def test_a_clock_is_found_and_a_word_that_looks_like_one_is_not(self):
        for code in ("std::chrono::steady_clock::now()", "time(nullptr)", "std::time(nullptr)", "sleep(1)",
                     "std::this_thread::sleep_for(1s)", "std::random_device{}"):
            self.assertTrue(CLOCKS_AND_DICE.search(code), code)
        for code in ("wall_time(x)", "entry.time()", "runtime->clock()", "Timer(runtime)", "head.time (x)",
                     "Clock clock(utc)"):
            self.assertFalse(CLOCKS_AND_DICE.search(code), code)

    def test_comments_and_strings_are_no_code(self):
        code = without_comments_and_strings('a(); // time(0)\n/* sleep(1)\n */ b("rand()"); c(R"(clock())"); d(\'"\');')
        self.assertFalse(CLOCKS_AND_DICE.search(code), code)
        self.assertEqual(code.count("\n"), 2)


if __name__ == "__main__":
    unittest.main()
