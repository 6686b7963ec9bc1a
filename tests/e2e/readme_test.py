"""What the README shows really loads."""
import pathlib
import re
import subprocess
import tempfile
import unittest

from programs import BIN, ROOT


class Readme(unittest.TestCase):
    def test_its_policy_is_a_configuration_without_mistakes(self):
        blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 1)
        with tempfile.TemporaryDirectory(prefix="tidegate-e2e-") as folder:
            file = pathlib.Path(folder) / "policy.yaml"
            file.write_text(blocks[0])
            checked = subprocess.run([BIN / "tidegate", "check", file], capture_output=True, text=True, timeout=30)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    unittest.main()
