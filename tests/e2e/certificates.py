"""Certificates for tests, made with openssl: an authority, and what it signs."""
import shutil
import subprocess
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

CONFIG = """
[ca]
default_ca = it
[it]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = default
policy = any
copy_extensions = none
unique_subject = no
[any]
commonName = supplied
"""


def run(*arguments):
    if not shutil.which("openssl"):
        raise unittest.SkipTest("openssl is not installed: it makes the certificates")
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")
    return done.stdout


class Authority:
    """Its certificate is `file`; what it signs lies in the same folder."""

    def __init__(self, folder, name="Test Authority"):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.file, self.key = self.folder / "ca.crt", self.folder / "ca.key"
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("01\n")
        (self.folder / "ca.cnf").write_text(CONFIG.format(folder=folder))
        run("req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", f"/CN={name}", "-days", 30, "-keyout", self.key,
            "-out", self.file)

    def issue(self, name, host="IP:127.0.0.1", from_days=-1, until_days=30):
        """(certificate, key), valid between those days from now; of `host` as openssl writes it."""
        certificate, key, request, extensions = (self.folder / (name + end) for end in (".crt", ".key", ".csr", ".ext"))
        run("req", "-newkey", "ed25519", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={host}\n")
        day = lambda days: (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
        run("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-cert", self.file, "-keyfile", self.key,
            "-in", request, "-out", certificate, "-startdate", day(from_days), "-enddate", day(until_days), "-extfile",
            extensions)
        return certificate, key


def self_signed(folder, name="self"):
    certificate, key = Path(folder) / f"{name}.crt", Path(folder) / f"{name}.key"
    run("req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", f"/CN={name}", "-addext",
        "subjectAltName=IP:127.0.0.1", "-days", 30, "-keyout", key, "-out", certificate)
    return certificate, key
