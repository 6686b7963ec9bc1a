#!/usr/bin/env python3
"""How large classes and folders may grow, and that the folders inside a layer depend on each other in one direction."""
import collections
import pathlib
import re
import unittest

from layering import INCLUDE, ROOT, files_of

CLASS_LINES_MAX = 400
# Classes that may be larger, and how large: a list that should become shorter.
LARGER = {"proxy/http/server: ServerConnection": 421}
FOLDER_FILES_MAX = 26
# Folders that may hold more, and how many: likewise.
FULLER = {}
# Layers in which folders still include each other in a circle.
CIRCLES = []

# `class Name final : public Base {` at the beginning of a line, nested ones indented; not `enum class`, not a declaration.
CLASS = re.compile(r"^(?P<indent> *)(?:template <[^\n]*>\s*)?(?:class|struct) (?P<name>\w+(?:::\w+)*)(?: final)?"
                   r"(?: : [^{;]*)?\s*\{", re.MULTILINE)
# `Type Name::method(...) ... {` at the beginning of a line: what a member defined outside its class begins with.
MEMBER = re.compile(r"^(?!class |struct |namespace |using |typedef |#|//|\s|\}).*?\b(?P<name>[A-Z]\w*)(?:::\w+)*::~?"
                    r"(?:operator\W+|\w+)(?=\()", re.MULTILINE)


def without_text(code):
    """Comments and strings blanked, so that braces count; every character keeps its place."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), code)


def end_of_block(code, at):
    """Where the definition that begins at `at` ends: the end of the first line that closes every brace and ends with one.
    None where a semicolon comes before any brace: a declaration."""
    depth, opened = 0, False
    while at < len(code):
        line_end = code.find("\n", at)
        line_end = len(code) if line_end < 0 else line_end
        line = code[at:line_end].rstrip()
        opened = opened or "{" in line
        if not opened and line.endswith(";"):
            return None
        depth += line.count("{") - line.count("}")
        if opened and depth == 0 and line.endswith(("}", "};")):
            return line_end
        at = line_end + 1
    return None


def lines_of_classes(text):
    """Lines by outermost class: its body, and its members that are defined outside it. What an anonymous namespace has
    is a class like any other; a nested class is a part of the one around it."""
    code = without_text(text)
    lines = collections.Counter()
    counted_to = 0
    starts = sorted([(found.start(), found) for found in CLASS.finditer(code) if not found["indent"]] +
                    [(found.start(), found) for found in MEMBER.finditer(code)], key=lambda start: start[0])
    for start, found in starts:
        if start < counted_to:
            continue
        end = end_of_block(code, start)
        if end is None:
            continue
        lines[found["name"].split("::")[0]] += code.count("\n", start, end) + 1
        counted_to = end
    return lines


def large_classes():
    """(folder, class) → lines over all the files of the folder."""
    totals = collections.Counter()
    for file in files_of("proxy", "api", "optimizer"):
        folder = file.parent.relative_to(ROOT).as_posix()
        for name, lines in lines_of_classes(file.read_text()).items():
            totals[f"{folder}: {name}"] += lines
    return totals


def node_of(path, layer):
    """What a file of the layer counts as: the folder that it is in, or, at the top of the layer, itself (header and source
    together)."""
    inside = pathlib.PurePath(path).relative_to(layer)
    return f"{layer}/{inside.parent.as_posix() if len(inside.parts) > 1 else inside.stem}"


def dependencies_inside(layer):
    edges = collections.defaultdict(set)
    for file in files_of(f"proxy/{layer}"):
        here = node_of(file.relative_to(ROOT / "proxy").as_posix(), layer)
        for found in INCLUDE.finditer(file.read_text()):
            if found[1] == '"' and found[2].startswith(layer + "/"):
                there = node_of(found[2], layer)
                if there != here:
                    edges[here].add(there)
    return edges


def find_cycle(edges, through):
    """The nodes of a circle through that one, or nothing."""
    came_from, open_nodes = {}, [through]
    while open_nodes:
        node = open_nodes.pop()
        for next_node in sorted(edges.get(node, ())):
            if next_node == through:
                circle = [through]
                while node != through:
                    circle.append(node)
                    node = came_from[node]
                return [through, *reversed(circle)]
            if next_node not in came_from:
                came_from[next_node] = node
                open_nodes.append(next_node)
    return None


class Sizes(unittest.TestCase):
    def test_no_class_is_larger_than_the_limit_over_all_its_files(self):
        totals = large_classes()
        findings = [f"{name}: {lines} lines, at most {LARGER.get(name, CLASS_LINES_MAX)}"
                    for name, lines in totals.items() if lines > LARGER.get(name, CLASS_LINES_MAX)]
        findings += [f"{name} is within the limit: take it off the list" for name in LARGER
                     if totals[name] <= CLASS_LINES_MAX]
        self.assertFalse(findings, "\n" + "\n".join(sorted(findings)))

    def test_no_folder_holds_more_sources_than_the_limit(self):
        counts = collections.Counter(file.parent.relative_to(ROOT).as_posix()
                                     for file in files_of("proxy", "api", "optimizer"))
        findings = [f"{folder}: {count} sources, at most {FULLER.get(folder, FOLDER_FILES_MAX)}"
                    for folder, count in counts.items() if count > FULLER.get(folder, FOLDER_FILES_MAX)]
        self.assertFalse(findings, "\n" + "\n".join(sorted(findings)))


class Folders(unittest.TestCase):
    def test_no_folder_of_a_layer_includes_in_a_circle(self):
        findings = []
        for layer in sorted(entry for entry in (ROOT / "proxy").iterdir() if entry.is_dir()):
            edges = dependencies_inside(layer.name)
            for folder in sorted(entry for entry in layer.iterdir() if entry.is_dir()):
                circle = find_cycle(edges, f"{layer.name}/{folder.name}")
                if circle and layer.name not in CIRCLES:
                    findings.append(" includes ".join(circle))
        self.assertFalse(findings, "\n" + "\n".join(findings))


class Rules(unittest.TestCase):
    """The rules find what they are for."""

    def test_a_class_is_its_body_and_its_members_defined_elsewhere(self):
        header = "// A\nclass A final : public B {\n public:\n  struct C {\n  };\n  void f();\n};\nclass D;\n"
        source = ("A::A()\n    : b_{1} {\n}\n\nvoid A::f() {\n  D::g();\n  if (x) {\n  }\n}\n\n"
                  "const char* to_string(A a) {\n  return \"}\";\n}\n\nbool A::C::done() const { return true; }\n")
        self.assertEqual(lines_of_classes(header), {"A": 6})
        self.assertEqual(lines_of_classes(source), {"A": 3 + 5 + 1})

    def test_a_circle_is_found_and_a_chain_is_not(self):
        self.assertIsNone(find_cycle({"a": {"b"}, "b": {"c"}}, "a"))
        self.assertIsNone(find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}, "a"))
        self.assertEqual(find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}, "b"), ["b", "c", "b"])
        self.assertEqual(node_of("core/exchange/exchange.h", "core"), "core/exchange")
        self.assertEqual(node_of("core/worker.h", "core"), "core/worker")
        self.assertEqual(node_of("jobs/rabbit/broker/link.h", "jobs"), "jobs/rabbit/broker")


if __name__ == "__main__":
    unittest.main()
