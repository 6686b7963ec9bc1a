"""The documents: their blocks, tables, headings and links."""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MARKER = re.compile(r"^<!-- test: (.*) -->$")


def all_documents():
    """Every document that is ours: at the top, in docs/, and the README of each program and test folder."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(file for folder in ("api", "optimizer", "tests")
                                                              for file in (ROOT / folder).rglob("*.md"))])


@dataclasses.dataclass
class Block:
    file: pathlib.Path
    line: int  # of its first line
    kind: str  # sh, yaml, text, json, or "" where none is named
    text: str
    marker: str  # what the comment before it tells the tests

    @property
    def where(self):
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks(file):
    found, kind, begun, marker = [], None, 0, ""
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            if kind is None:
                kind, begun = line[3:].strip(), number
            else:
                found.append(Block(file, begun + 1, kind, "\n".join(lines[begun:number - 1]) + "\n", marker))
                kind, marker = None, ""
        elif kind is None and (mark := MARKER.match(line)):
            marker = mark[1]
        elif kind is None and line.strip():
            marker = ""
    assert kind is None, f"{file} has a block without an end"
    return found


def without_blocks(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(file):
    return re.findall(r"^(#+) (.*)$", without_blocks(file.read_text()), re.MULTILINE)


def anchor_of(heading):
    """As GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def links(file):
    return re.findall(r"\]\(([^)\s]+)\)", without_blocks(file.read_text()))


def cells(line):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def rows(file, first_column):
    """The rows of every table whose first column has that head: (heading above it, cells)."""
    found, heading, table = [], "", None
    for line in without_blocks(file.read_text()).splitlines():
        if line.startswith("#"):
            heading, table = line.lstrip("#").strip(), None
        elif not line.startswith("|"):
            table = None
        elif table is None:
            table = cells(line)[0]
        elif table == first_column and not set(line) <= set("|- "):
            found.append((heading, cells(line)))
    return found


def code_spans(text):
    return re.findall(r"`([^`]+)`", text)
