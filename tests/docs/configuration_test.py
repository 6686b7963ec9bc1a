"""docs/reference/configuration.md and config/tidegate.yaml have the same keys, defaults and ranges as the loader."""
import re
import subprocess
import tempfile
import unittest

from pages import DOCS, ROOT, code_spans, rows

import demonstration

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
            continue  # another table
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
        own = {path for path in named if re.match(r"listeners\[\]\.routes\[\]\.(breaker|bulkhead)\.", path)}
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


def wrapped(path, value):
    """A small configuration in which `path` has `value`."""
    tree = {"upstreams": {"u": {"endpoints": ["http://127.0.0.1:1"]}},
            "queues": {"q": {"url": "sqlite:///tmp/q.db"}},
            "listeners": [{"name": "l", "address": "127.0.0.1:2",
                           "routes": [{"name": "r", "match": {"path": "/"}, "upstream": "u"}]}]}
    node = tree
    *parents, last = path.replace("[]", "").replace("upstreams.NAME", "upstreams.u").replace(
        "queues.NAME", "queues.q").split(".")
    for step in parents:
        node = node.setdefault(step, {})
        node = node[0] if isinstance(node, list) else node
    if path.endswith("fallback.on"):
        node["respond"] = {}
    if ".fallback.enqueue" in path:
        node.setdefault("queue", "q")
        if "reference" in last:
            node["body"] = "reference"
            node.setdefault("reference_hosts", ["h"])
    node[last] = Raw(value)
    return tree


class Raw(str):
    pass


def as_yaml(node):
    if isinstance(node, Raw):
        return str(node)
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(value)}" for key, value in node.items()) + "}"
    return "[" + ", ".join(map(as_yaml, node)) + "]" if isinstance(node, list) else f'"{node}"'


class Loader(unittest.TestCase):
    def check(self, path, value):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(as_yaml(wrapped(path, value)) + "\n")
            file.flush()
            done = subprocess.run([demonstration.BIN / "tidegate", "check", file.name], capture_output=True, text=True,
                                  timeout=30)
        return done.stdout

    def test_every_default_of_the_page_is_a_value_that_the_loader_takes(self):
        for path, default in page_keys().items():
            if default in ABSENT or default == "[]" or path.startswith("listeners[].tls."):
                continue  # that section needs the files of a certificate
            with self.subTest(path=path):
                self.assertIn(": ok: ", self.check(path, default))

    def test_every_range_of_the_page_is_the_loaders(self):
        checked = 0
        for heading, cells in rows(PAGE, "key"):
            bounds = re.match(r"^(\d+(?:\w*)) to (\d+\w*)", cells[1])
            path = ("" if heading == "Top level" else heading + ".") + code_spans(cells[0])[0]
            if not bounds or len(cells) != 4 or path.endswith(("rate_limit.rate", "slow_call.ratio")):
                continue
            checked += 1
            for bound in bounds.groups():
                with self.subTest(path=path, bound=bound):
                    self.assertIn(": ok: ", self.check(path, bound))
            for value in (beyond(bounds[1], -1), beyond(bounds[2], 1)):
                with self.subTest(path=path, beyond=value):
                    self.assertNotIn(": ok: ", self.check(path, value))
        self.assertGreater(checked, 20)


def beyond(bound, step):
    """A little less or more; of a size in a unit, in the smallest one."""
    number, unit = re.match(r"(\d+)(\w*)", bound).groups()
    if not unit:
        return str(int(number) + step)
    powers = {"B": 0, "KiB": 1, "MiB": 2, "GiB": 3, "TiB": 4}
    return f"{int(number) * 1024 ** powers[unit] + step}B"


if __name__ == "__main__":
    unittest.main()
