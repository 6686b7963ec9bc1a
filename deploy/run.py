#!/usr/bin/env python3
"""`make run`: optimizer, Tidegate and API on loopback, with their state in var/, until Ctrl-C.

One thread with one selector handles the output of the programs, the keyboard and the signals, so there are no races.
"""
import os
import pathlib
import re
import selectors
import signal
import socket
import sys
import time

from run_program import Program

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ.get("TIDEGATE_BIN", ROOT / "build" / "bin"))
VAR = ROOT / "var"
SHIPPED_CONFIG = ROOT / "config" / "tidegate.yaml"
START_S = 30
STOP_S = 35  # a little more than the shutdown grace of the programs (30 s)

# Name, the environment variable that changes the port, the default in config/tidegate.yaml and the programs.
PORTS = [("optimizer", "OPTIMIZER_PORT", 3001), ("proxy", "PROXY_PORT", 8081), ("admin", "ADMIN_PORT", 9901),
         ("api", "API_PORT", 8080)]


def choose_ports():
    ports, trouble = {}, []
    for name, variable, default in PORTS:
        text = os.environ.get(variable, str(default))
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            trouble.append(f"{variable}={text} is not a port")
            continue
        ports[name] = int(text)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", ports[name]))
            except OSError as error:
                other = ports[name] + 10000 if ports[name] < 50000 else 3333
                trouble.append(f"port {text} for the {name} cannot be used ({error.strerror}); "
                               f"choose another one: {variable}={other} make run")
    if len(set(ports.values())) < len(ports):
        trouble.append("two programs have the same port")
    if trouble:
        sys.exit("\n".join(trouble))
    return ports


def write_config(ports):
    """The shipped file if the ports are the defaults, else a copy with the other ports."""
    config = SHIPPED_CONFIG.read_text()
    moved = {str(default): str(ports[name]) for name, _, default in PORTS if name != "api"}
    changed = re.sub(r"(?<=127\.0\.0\.1:)(\d+)", lambda found: moved.get(found[0], found[0]), config)
    if changed == config:
        return SHIPPED_CONFIG
    file = VAR / "tidegate.yaml"
    file.write_text(changed)
    return file


def write_sample():
    file = VAR / "sample.png"
    if not file.exists():
        sys.path.insert(0, str(ROOT / "tests" / "e2e"))
        from photo import make_png
        file.write_bytes(make_png(720, 480))
    return file.relative_to(ROOT)


def make_programs(ports, config):
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    state = {name: VAR / name for name in ("tidegate", "api")}
    for folder in state.values():
        folder.mkdir(parents=True, exist_ok=True)
    return [
        Program("optimizer", [BIN / "watermark-optimizer", "--listen", at["optimizer"], "--allow-faults"],
                f"http://{at['optimizer']}/health"),
        Program("tidegate", [BIN / "tidegate", "run", "-c", config], f"http://{at['admin']}/health",
                {"TIDEGATE_STATE_DIR": str(state["tidegate"])}),
        Program("api", [BIN / "watermark-api"], f"http://{at['api']}/health",
                {"LISTEN": at["api"], "OPTIMIZER_URL": f"http://{at['proxy']}", "STATE_DIR": str(state["api"]),
                 "FAULT_URL": f"http://{at['optimizer']}/fault", "ADMIN_URL": f"http://{at['admin']}"}),
    ]


def guide(ports, sample, keyboard):
    api, admin, optimizer = (f"http://127.0.0.1:{ports[name]}" for name in ("api", "admin", "optimizer"))
    form = f"-F image=@{sample} -F wm_text="
    stop = ["  or type here:            optimizer stop     (and later: optimizer start)"] if keyboard else []
    return "\n".join([
        "",
        f"Page                       {api}/",
        f"Tidegate: status, metrics  {admin}/api/status   {admin}/metrics",
        "",
        "In a second terminal, upload a picture:",
        f"  curl -sS -D - -o watermarked {form}Tidegate -F wm_position=bottom-right {api}/upload",
        "Break the optimizer:",
        f"  curl -X POST '{optimizer}/fault?mode=error&status=503'     (or mode=hang, mode=down, mode=slow&ms=9000)",
        *stop,
        "and open the breaker with a few uploads; from then on every upload gets 202 and is queued:",
        f"  for i in 1 2 3 4 5 6; do curl -sS {form}$(date +%T)-$i -F wm_position=center {api}/upload; echo; done",
        f"  curl -sS {admin}/metrics | grep 'tidegate_breaker_state{{'",
        "Fix the optimizer, and watch the queued uploads finish:",
        f"  curl -X POST '{optimizer}/fault?mode=none'",
        f"  curl -sS {api}/status/KEY                    (the \"key\" of one of the 202s)",
        "",
        "Ctrl-C stops everything.",
        "",
    ])


class Stack:
    def __init__(self, programs):
        self.programs = programs
        self.optimizer = programs[0]
        self.stopping = False
        self.selector = selectors.DefaultSelector()
        # Signals become bytes in this pipe, which the selector reads.
        self.wakeup, write_end = socket.socketpair()
        write_end.setblocking(False)
        self.wakeup.setblocking(False)
        self.write_end = write_end
        signal.set_wakeup_fd(write_end.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self.selector.register(self.wakeup, selectors.EVENT_READ, self.on_signals)

    def say(self, text):
        print(f"run       | {text}", flush=True)

    def turn(self, timeout_s):
        for key, _ in self.selector.select(timeout_s):
            key.data()

    def on_signals(self):
        for number in self.wakeup.recv(64):
            if number == signal.SIGCHLD:
                continue
            if self.stopping:
                for program in self.programs:
                    program.kill()
            self.stopping = True

    def start(self, program):
        program.start(self.selector)
        until = time.monotonic() + START_S
        while not self.stopping:
            if program.ended():
                self.say(f"{program.name} did not start: {program.how_it_ended()}")
                return False
            if program.is_healthy():
                return True
            if time.monotonic() > until:
                self.say(f"{program.name} is not healthy after {START_S} s")
                return False
            self.turn(0.05)
        return False

    def stop(self, program):
        program.terminate()
        until = time.monotonic() + STOP_S
        while not program.ended():
            if time.monotonic() > until:
                self.say(f"{program.name} has not ended after {STOP_S} s and is killed")
                program.kill()
                until = float("inf")
            self.turn(0.1)
        program.drain()
        return program.status() == 0

    def on_keyboard(self):
        typed = os.read(sys.stdin.fileno(), 4096)
        if not typed:
            self.selector.unregister(sys.stdin)
        for line in typed.decode(errors="replace").splitlines():
            self.on_command(line.split())

    def on_command(self, words):
        if words == ["optimizer", "stop"] and self.optimizer.running():
            self.optimizer.expected_end = True
            self.optimizer.terminate()
            self.say("the optimizer is stopped")
        elif words == ["optimizer", "start"] and not self.optimizer.running():
            self.start(self.optimizer)
        elif words:
            self.say("commands: optimizer stop, optimizer start, Ctrl-C")

    def serve(self, guide_text):
        """Runs until a signal; True if every program behaved as expected."""
        if not all(self.start(program) for program in self.programs):
            return self.stopping
        keyboard = sys.stdin is not None and sys.stdin.isatty()
        if keyboard:
            self.selector.register(sys.stdin, selectors.EVENT_READ, self.on_keyboard)
        print(guide_text(keyboard), flush=True)
        good = True
        while not self.stopping:
            self.turn(1.0)
            for program in self.programs:
                if not program.ended() or program.end_told:
                    continue
                program.end_told = True
                if program.expected_end:
                    continue
                self.say(f"{program.name} {program.how_it_ended()}")
                if program is not self.optimizer:
                    good = False
                    self.stopping = True
        return good

    def stop_all(self):
        self.stopping = True
        good = True
        for program in reversed(self.programs):
            if program.running():
                good = self.stop(program) and good
        return good


def main():
    os.chdir(ROOT)
    missing = [name for name in ("watermark-optimizer", "tidegate", "watermark-api") if not (BIN / name).exists()]
    if missing:
        sys.exit(f"not built: {', '.join(missing)} (in {BIN}); `make build` builds them")
    ports = choose_ports()
    VAR.mkdir(exist_ok=True)
    sample = write_sample()
    stack = Stack(make_programs(ports, write_config(ports)))
    try:
        good = stack.serve(lambda keyboard: guide(ports, sample, keyboard))
    finally:
        stopped = stack.stop_all()
    return 0 if good and stopped else 1


if __name__ == "__main__":
    sys.exit(main())
