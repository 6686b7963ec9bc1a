"""A program that `make run` has started: its output with its name before each line, its health, its end."""
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import urllib.error
import urllib.request

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _end_with_parent():
    """Even a killed `make run` leaves nothing behind."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def readable(line):
    """A JSON log line as a person reads it on a terminal; anything else as it is."""
    try:
        record = json.loads(line)
        stamp, level, event = record.pop("ts"), record.pop("level"), record.pop("event")
    except (ValueError, KeyError, AttributeError):
        return line
    fields = " ".join(f"{name}={value}" for name, value in record.items())
    return f"{stamp[11:23]} {level:5} {event} {fields}".rstrip()


class Program:
    def __init__(self, name, command, health_url, environment=None):
        self.name, self.command, self.health_url = name, [str(word) for word in command], health_url
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.partial = b""
        self.expected_end = self.end_told = False

    def start(self, selector):
        self.expected_end = self.end_told = False
        # A session of its own: the terminal's Ctrl-C is for `make run` alone, which stops the programs in their order.
        self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                                        bufsize=0, preexec_fn=_end_with_parent)
        self.selector = selector
        os.set_blocking(self.process.stdout.fileno(), False)
        selector.register(self.process.stdout, selectors.EVENT_READ, self.on_output)

    def on_output(self):
        """Passes on what it has said; False where there was nothing."""
        if self.process.stdout.closed:
            return False
        try:
            data = os.read(self.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self.selector.unregister(self.process.stdout)
            self.process.stdout.close()
            data = b"\n" if self.partial else b""
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace")
            print(f"{self.name:9} | {readable(text) if sys.stdout.isatty() else text}", flush=True)
        return True

    def drain(self):
        """What it has still said before its end."""
        while self.on_output():
            pass

    def is_healthy(self):
        try:
            with urllib.request.urlopen(self.health_url, timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def ended(self):
        return self.process is not None and self.process.poll() is not None

    def status(self):
        return self.process.returncode

    def how_it_ended(self):
        self.drain()
        code = self.process.returncode
        return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"

    def terminate(self):
        if self.running():
            self.process.send_signal(signal.SIGTERM)

    def kill(self):
        if self.running():
            self.process.kill()
