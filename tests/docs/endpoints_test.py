"""The pages have every HTTP endpoint that the programs route, and each one that they name is there."""
import re
import unittest

from pages import DOCS, ROOT, code_spans, rows

from demonstration import demonstration, http


def named(page):
    """{(method, path)} of the tables `request`; `…/` and `?…` are left to the reader."""
    found = set()
    for _, cells in rows(page, "request"):
        for span in code_spans(cells[0]):
            method, _, target = span.partition(" ")
            if not target.startswith("…"):
                found.add((method, target.split("?")[0]))
    return found


class Endpoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = demonstration()

    def test_the_admin_page_has_every_path_of_the_routing_and_no_other(self):
        table = (ROOT / "proxy/admin/routes.cc").read_text()
        routed = {(method, path.replace("{queue}", "NAME").replace("{id}", "ID"))
                  for method, path in re.findall(r'^    \{"([A-Z]+)", +"(/\S+)",', table, re.MULTILINE)}
        self.assertEqual(len(routed), 13)
        self.assertEqual(named(DOCS / "reference/admin-api.md"), routed)

    def test_every_admin_endpoint_that_is_named_is_there(self):
        for method, path in named(DOCS / "reference/admin-api.md"):
            with self.subTest(method=method, path=path):
                target = path.replace("NAME", "optimize-jobs").replace("ID", "0" * 32)
                answer = http(method, self.stack.urls["admin"] + target)
                self.assertNotEqual(answer.status, 405)
                if answer.status == 404:  # of the job, or of the replay, but never of the path
                    self.assertNotIn("endpoint", answer.json()["detail"])

    def test_the_interface_of_jobs_takes_the_methods_that_its_page_names_and_no_other(self):
        page = named(DOCS / "reference/http-api.md")
        self.assertEqual({path for _, path in page}, {"/_jobs/ID", "/_jobs/ID/result"})
        for path in {path for _, path in page}:
            allowed = {method for method, named_path in page if named_path == path}
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
                with self.subTest(method=method, path=path):
                    answer = http(method, self.stack.urls["proxy"] + path.replace("ID", "0" * 32))
                    self.assertEqual(answer.status == 405, method not in allowed)
                    if method not in allowed:
                        self.assertEqual(set(answer.headers["Allow"].split(", ")) - {"HEAD"}, allowed)

    def test_every_endpoint_that_a_program_routes_is_in_its_readme_and_the_other_way_round(self):
        for folder, program in (("api", "api"), ("optimizer", "optimizer")):
            page = named(ROOT / folder / "README.md")
            for method, path in page:
                with self.subTest(method=method, path=path):
                    url = self.stack.urls[program] + path.replace("KEY", "0" * 64)
                    answer = http(method, url, b"" if method == "POST" else None)
                    self.assertNotEqual(answer.status, 405)
                    if answer.status == 404:
                        expected = "nothing at this path" if "webhooks" in path else "no upload"  # without a secret
                        self.assertIn(expected, answer.json()["detail"])
            routed = self.routed_paths(folder)
            self.assertGreater(len(routed), 3)
            known = {re.sub("KEY$", "", path) for _, path in page}
            self.assertEqual(routed - known, {"/favicon.ico", "/page/"} & routed)

    def routed_paths(self, folder):
        text = "".join(file.read_text() for file in (ROOT / folder).rglob("*.cc"))
        return set(re.findall(r'"(/(?:upload|status/|images/|health|ready|metrics|demo|demo/fault|webhooks/tidegate|'
                              r'optimize|fault|page/|favicon\.ico)?)"', text))


if __name__ == "__main__":
    unittest.main()
