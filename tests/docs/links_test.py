"""Links between the documents lead somewhere, anchors included, and every page of the manual is in its index."""
import json
import re
import unittest

from pages import DOCS, ROOT, all_documents, anchor_of, headings, links


class Links(unittest.TestCase):
    def test_every_link_and_anchor_between_documents_resolves(self):
        checked = 0
        for file in all_documents():
            for link in links(file):
                if link.startswith(("http://", "https://")):
                    continue
                path, _, anchor = link.partition("#")
                target = (file.parent / path).resolve() if path else file
                with self.subTest(file=str(file.relative_to(ROOT)), link=link):
                    self.assertTrue(target.exists())
                    self.assertTrue(target.is_relative_to(ROOT))
                    if anchor:
                        self.assertIn(anchor, [anchor_of(heading) for _, heading in headings(target)])
                checked += 1
        self.assertGreater(checked, 100)

    def test_every_page_of_the_manual_is_in_its_index(self):
        index = {(DOCS / link).resolve() for link in links(DOCS / "README.md")}
        self.assertEqual({file for file in DOCS.rglob("*.md") if file != DOCS / "README.md"} - index, set())

    def test_a_page_of_the_manual_has_a_title_and_says_what_happens_when_something_fails(self):
        without_failures = {"README.md", "outcomes.md", "metrics.md", "quickstart.md", "troubleshooting.md"}
        for file in DOCS.rglob("*.md"):
            with self.subTest(file=file.name):
                found = headings(file)
                self.assertEqual([level for level, _ in found].count("#"), 1)
                if file.name not in without_failures:
                    self.assertTrue(any(heading.startswith("When ") for _, heading in found))

    def test_every_preset_that_is_named_is_there_and_builds_in_the_folder_that_is_named(self):
        presets = {preset["name"]: preset.get("binaryDir", "").removeprefix("${sourceDir}/")
                   for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
        checked = 0
        for file in all_documents():
            for name, folder in re.findall(r"cmake --preset (\w+)(?:[^\n]*?ninja -C ([\w/]+))?", file.read_text()):
                checked += 1
                with self.subTest(file=str(file.relative_to(ROOT)), preset=name):
                    self.assertIn(name, presets)
                    self.assertIn(folder, ("", presets[name]))
        self.assertGreater(checked, 1)

    def test_the_readme_is_short(self):
        self.assertLess(len((ROOT / "README.md").read_text().splitlines()), 120)


if __name__ == "__main__":
    unittest.main()
