#!/usr/bin/env python3
"""`make fresh`: the two commands on a fresh Debian 12. A chroot with nothing in it but git, make and certificates gets a
clean clone; `make run` must bring a watermarked picture back, `make test` must pass, and both again. As root.

It runs in mount and process namespaces of its own (the Makefile starts it with `unshare`): whatever is mounted or started
here ends with it. Log and times stay in build/fresh/.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "build/fresh"
SUITE = "bookworm"
CLONE = "root/tidegate"
FIRST_PACKAGES = "ca-certificates,git,make"
# How this machine reaches its package registries; everything else of its environment stays outside.
CARRIED = re.compile(r"^(PIP_\w+|GO(PROXY|FLAGS|SUMDB|NOSUMDB|NOSUMCHECK|PRIVATE|INSECURE)|SSL_CERT_\w+|\w+_proxy|\w+_PROXY)$")
PORTS = {"OPTIMIZER_PORT": 3001, "PROXY_PORT": 8081, "ADMIN_PORT": 9901, "API_PORT": 8080}
RUN_S, TEST_S, STOP_S = 2400, 5400, 60
STEP = re.compile(r"^\[(\d+)/(\d+)\] ")


def call(*command, **options):
    subprocess.run([str(part) for part in command], check=True, **options)


def mirror():
    """Where this machine's apt has the release from."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
                            check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        uri, _, release = line.partition(" ")
        if release == SUITE:
            return uri
    sys.exit(f"apt of this machine has no source for {SUITE}")


def make_root(folder):
    call("mount", "--bind", folder, folder)  # a root that is a mount: tests/chaos changes how it propagates
    call("debootstrap", "--variant=minbase", f"--include={FIRST_PACKAGES}", SUITE, folder, mirror(),
         stdout=subprocess.DEVNULL)
    apt, own = pathlib.Path("/etc/apt"), folder / "etc/apt"
    for file in [apt / "sources.list", *apt.glob("sources.list.d/*.sources"), *apt.glob("sources.list.d/*.list")]:
        if file.exists():
            shutil.copy(file, own / file.relative_to(apt))
    if any(own.glob("sources.list.d/*")) and not (apt / "sources.list").exists():
        (own / "sources.list").unlink(missing_ok=True)  # debootstrap's, which would say everything twice
    for file in apt.glob("apt.conf.d/*"):
        if "Acquire::" in file.read_text(errors="replace"):
            shutil.copy(file, own / "apt.conf.d")
    for name in ("etc/resolv.conf", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
        if os.path.exists("/" + name):
            shutil.copy("/" + name, folder / name)
    (folder / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n")
    for kind, place, *more in [("proc", "proc"), ("sysfs", "sys", "-o", "ro"), ("tmpfs", "dev/shm"),
                               ("devpts", "dev/pts", "-o", "newinstance,ptmxmode=0666")]:
        (folder / place).mkdir(exist_ok=True)
        call("mount", "-t", kind, *more, kind, folder / place)


def clone(folder):
    call("git", "clone", "-q", "--no-hardlinks", f"file://{ROOT}", folder / CLONE)
    shared = ROOT.parent / "shared"
    if shared.is_dir():
        shutil.copytree(shared, folder / CLONE / "../shared", symlinks=True)


def free_ports():
    """Those of the documents, or others where a program of this machine has one of them."""
    with contextlib.ExitStack() as open_sockets:
        for port in PORTS.values():
            probe = open_sockets.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return {name: str(port + 20000) for name, port in PORTS.items()}
    return {}


class Command:
    """`make TARGET` in the chroot; every line of its output with the second at which it came."""

    def __init__(self, folder, title, target, log, environment=None):
        self.title, self.log, self.lines, self.begun = title, log, [], time.monotonic()
        carried = {name: value for name, value in os.environ.items() if CARRIED.match(name)}
        own = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(["chroot", folder, "make", "-C", f"/{CLONE}", target], start_new_session=True,
                                        env={**carried, **own, **(environment or {})}, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def elapsed(self):
        return time.monotonic() - self.begun

    def read(self):
        for line in self.process.stdout:
            self.lines.append((self.elapsed(), line.rstrip()))
            print(f"{self.title:9} {self.elapsed():7.1f}  {line}", end="", file=self.log, flush=True)

    def wait(self, seconds):
        """The exit status."""
        self.process.wait(timeout=seconds)
        self.reader.join(timeout=seconds)
        return self.process.returncode

    def when(self, pattern, last=False):
        times = [at for at, line in self.lines if re.search(pattern, line)]
        return times[-1 if last else 0] if times else None

    def steps(self):
        """What was when, as far as its output tells."""
        compiled = [at for at, line in self.lines if STEP.match(line)]
        minio = (self.when("^building the MinIO server"), self.when("^the MinIO server is built"))
        tests = self.when(r"^\d+ suites, ")
        end = self.lines[-1][0] if self.lines else 0
        parts = []
        if self.when("^installing:") is not None:
            parts.append(f"packages {compiled[0] if compiled else end:.0f} s")
        if compiled:
            parts.append(f"build {compiled[-1] - compiled[0]:.0f} s")
        if None not in minio:
            parts.append(f"MinIO {minio[1] - minio[0]:.0f} s beside it")
        if tests is not None:
            parts.append(f"tests {end - tests:.0f} s")
        return ", ".join(parts)


def upload(folder, port):
    """Whether a picture came back, other than the one that was sent."""
    sample, marked = folder / CLONE / "var/sample.png", folder / "tmp/marked"
    marked.unlink(missing_ok=True)
    if not sample.exists():
        return False
    done = subprocess.run(["chroot", folder, "curl", "-sS", "-o", "/tmp/marked", "-w", "%{http_code}", "-F",
                           f"image=@/{CLONE}/var/sample.png", "-F", "wm_text=fresh", "-F", "wm_position=center",
                           f"http://127.0.0.1:{port}/upload"], capture_output=True, text=True)
    if done.stdout != "200":
        return False
    picture = marked.read_bytes()
    return picture.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")) and picture != sample.read_bytes()


def try_run(folder, title, log, report):
    ports = free_ports()
    command = Command(folder, title, "run", log, ports)
    while command.process.poll() is None and not upload(folder, ports.get("API_PORT", PORTS["API_PORT"])):
        if command.elapsed() > RUN_S:
            break
        time.sleep(0.3)
    came = command.process.poll() is None and command.elapsed() <= RUN_S
    until_picture = command.elapsed()
    os.killpg(command.process.pid, signal.SIGINT)  # as the keyboard does
    try:
        command.wait(STOP_S)
        ended = True
    except subprocess.TimeoutExpired:
        os.killpg(command.process.pid, signal.SIGKILL)
        ended = False
    report(f"{title}: {f'a watermarked picture after {until_picture:.0f} s' if came else 'NO PICTURE'} "
           f"({command.steps()}); Ctrl-C {'ends it' if ended else 'DOES NOT END IT'}")
    return came and ended


def try_test(folder, title, log, report):
    command = Command(folder, title, "test", log)
    status = command.wait(TEST_S)
    verdict = next((line for _, line in reversed(command.lines) if re.match(r"^\d+ passed, \d+ failed$", line)),
                   f"no verdict, exit status {status}")
    for _, line in command.lines:
        if line.startswith(("skipped: ", "  ")) and "(" in line:
            report(f"    {line}")
    report(f"{title}: {command.elapsed():.0f} s ({command.steps()}): {verdict}")
    return status == 0


def main():
    call("mount", "--make-rprivate", "/")
    OUT.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-fresh-", dir="/var/tmp"))
    with open(OUT / "log", "w") as log, open(OUT / "times", "w") as times:
        def report(line):
            for file in (sys.stdout, times):
                print(line, file=file, flush=True)
        try:
            begun = time.monotonic()
            make_root(folder)
            report(f"debootstrap: {time.monotonic() - begun:.0f} s")
            clone(folder)
            good = [step(folder, title, log, report) for title, step in
                    [("make run", try_run), ("make test", try_test), ("run again", try_run), ("test again", try_test)]]
        finally:
            for place in ("dev/pts", "dev/shm", "sys", "proc", "."):
                subprocess.run(["umount", "-l", folder / place], stderr=subprocess.DEVNULL)
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
