"""Processes of one benchmark run: started on a core, measured, and all ended with the run."""

import os
import signal
import socket
import subprocess
import time

CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 10
STOP_TIMEOUT_S = 5


class BenchError(Exception):
    """An error that the user can act on; printed without a traceback."""


def free_ports(count):
    """Ports that are free now. All are bound while choosing, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def pick_cores():
    """(core of the proxy, core of load and upstream), or (None, None) where the process may use only one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


class Fleet:
    """Owns every process of the run. A context manager: leaving it, also by Ctrl-C, ends them all.

    Each process leads its own group, so that a terminal's Ctrl-C reaches only the runner, and a master's workers end
    with it.
    """

    def __init__(self, log_folder):
        self._log_folder = log_folder
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._started):
            end_group(process)

    def start(self, name, command, core, **popen):
        def pin():
            if core is not None:
                os.sched_setaffinity(0, {core})

        log_path = os.path.join(self._log_folder, name + ".log")
        with open(log_path, "ab") as log:
            popen.setdefault("stdout", log)
            try:
                process = subprocess.Popen([str(word) for word in command], stderr=log, start_new_session=True,
                                           preexec_fn=pin, **popen)
            except OSError as error:
                raise BenchError(f"{name}: cannot start {command[0]}: {error.strerror}") from error
        process.log_path = log_path
        self._started.append(process)
        return process

    def end(self, process):
        """Stops one process before the others."""
        self._started.remove(process)
        end_group(process)

    def start_server(self, name, command, core, port):
        """Starts a process and returns it once it accepts connections on the port."""
        process = self.start(name, command, core, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not accepts(port):
            if process.poll() is not None:
                raise BenchError(f"{name} ended at once with status {process.returncode}: {last_lines(process)}")
            if time.monotonic() > deadline:
                raise BenchError(f"{name} accepted no connection in {START_TIMEOUT_S} s: {last_lines(process)}")
            time.sleep(0.02)
        return process


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def last_lines(process, count=5):
    with open(process.log_path, errors="replace") as log:
        return "\n  ".join(log.read().strip().splitlines()[-count:]) or "(it printed nothing)"


def end_group(process):
    """SIGTERM to the process group, then SIGKILL to what is left of it."""
    if process.poll() is None:
        signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
    signal_group(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def tree(pid):
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    found.extend(int(child) for child in children.read().split())
        except FileNotFoundError:
            continue  # it ended while being looked at
    return found


def cpu_seconds(pid):
    """CPU time, user and system, of a process and its descendants so far."""
    return sum(process_cpu_seconds(one) for one in tree(pid))


def process_cpu_seconds(pid):
    """utime + stime of all threads of a process.

    The kernel's CPU-time clock of the process is this sum in nanoseconds; /proc/PID/stat, the fallback, rounds it to
    ticks of 10 ms. The clock's id is made as clock_getcpuclockid(3) makes it.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return stat_cpu_seconds(pid)


def stat_cpu_seconds(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            after_name = stat.read().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / CLOCK_TICKS_PER_SECOND
