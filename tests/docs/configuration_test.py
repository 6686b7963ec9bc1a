"""docs/reference/configuration.md and config/tidegate.yaml have the same keys and defaults."""
import re
import unittest

from pages import DOCS, ROOT, code_spans, rows

PAGE = DOCS / "reference/configuration.md"
YAML = ROOT / "config/tidegate.yaml"
NAMES = {"upstreams": "NAME", "queues": "NAME"}  # sections whose children have names of the operator's
LISTS = {"listeners", "listeners[].routes"}
KEY = re.compile(r"^( *)(- )?([a-z0-9_-]+):(?: (.*))?$")
# In a comment a key has a value of one word or in brackets, or none; prose with a colon has more words.
COMMENTED = re.compile(r"^( *)# ( *)([a-z0-9_-]+:(?: (?:\S+|\{.*\}|\[.*\]))?)$")
FLOW = re.compile(r"([a-z0-9_]+): (\"[^\"]*\"|\[[^\]]*\]|[^,{}]+)")
ABSENT = {"", "absent", "none", "any", "empty", "required"}


def page_keys():
    """{full path: default cell}, the sections' own rows included."""
    found = {}
    for heading, cells in rows(PAGE, "key"):
        if len(cells) != 4:
            continue  # the table of what is refused
        prefix = "" if heading == "Top level" else heading + "."
        found[prefix + code_spans(cells[0])[0]] = cells[2].strip("`")
    return found


def yaml_keys():
    """{full path: (value, the comment that belongs to it)} of the shipped file, keys in comments included."""
    found, path, comment = {}, [], []
    for line in YAML.read_text().splitlines():
        if commented := COMMENTED.match(line):
            line = commented[1] + commented[2] + commented[3]
        text, _, trailing = (line, "", "") if line.lstrip().startswith("#") else line.partition("  # ")
        match = KEY.match(text.rstrip())
        if not match:
            comment = [*comment, line.strip().lstrip("# ")] if line.lstrip().startswith("#") else []
            continue
        indent = len(match[1] + (match[2] or ""))
        path = [step for step in path if step[0] < indent]
        parent = ".".join(name for _, name in path)
        name = NAMES.get(parent, match[3])
        full = f"{parent}.{name}" if parent else name
        found[full] = (match[4] or "", " ".join([*comment, trailing]))
        path.append((indent, name + ("[]" if full in LISTS else "")))
        for key, value in FLOW.findall(match[4]) if (match[4] or "").startswith("{") else []:
            found[f"{full}.{key}"] = (value.strip(), "")
        comment = []
    return found


class Configuration(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page, self.yaml = page_keys(), yaml_keys()

    def test_the_page_has_every_key_of_the_shipped_file_and_no_other(self):
        named = {path for path in self.yaml if not re.fullmatch(r"(upstreams|queues)\.NAME", path)}
        own = {path for path in named if path.startswith(("listeners[].routes[].breaker.", "listeners[].routes[].bulkhead."))}
        self.assertGreater(len(self.page), 110)
        self.assertEqual(set(self.page) - (named - own), set(), "on the page alone")
        self.assertEqual((named - own) - set(self.page), set(), "in the shipped file alone")

    def test_the_comment_of_each_key_in_the_shipped_file_names_the_default_of_the_page(self):
        checked = 0
        for path, default in self.page.items():
            value, comment = self.yaml[path]
            found = re.search(r"[Dd]efault ((?:\[[^\]]*\]|[^\s.,;()]|\.(?=\S))+)", comment)
            if found and default not in ABSENT:
                checked += 1
                self.assertEqual(found[1], default, path)
            elif default not in ABSENT and comment:
                self.fail(f"{path}: the page says {default}, the shipped file names no default")
        self.assertGreater(checked, 60)


if __name__ == "__main__":
    unittest.main()
