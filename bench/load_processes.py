"""Starts, watches and ends the programs that a load benchmark needs: the mock, each proxy, the driver.

Every child is pinned to its core before it runs, gets SIGTERM should this program die, and is gone when the
`Processes` block ends.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
# Below the kernel's range for outgoing connections: one of those could occupy a port between two starts.
PORTS = range(18000, 30000)


class Failure(Exception):
    """A measurement that cannot be trusted or did not happen; its text is for the reader."""


def raise_file_limit(wanted):
    """Raises the limit of open files as far as allowed, inherited by all children; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((max(wanted, soft), max(wanted, hard)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            break
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_ports():
    """Yields ports of 127.0.0.1 on which nobody listens."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


class Process:
    """One started program with its children."""

    def __init__(self, name, arguments, core, log_path, environment=None, stdout_path=None, **pipes):
        """`stdout_path`: a file that standard output is appended to; otherwise it goes to the log, or to `pipes`."""
        self.name = name
        self.log_path = log_path

        def before_exec():
            os.sched_setaffinity(0, {core})
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

        with open(log_path, "ab") as log, open(stdout_path or log_path, "ab") as out:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": log, **pipes}
            self.popen = subprocess.Popen(
                arguments, env=environment, preexec_fn=before_exec, start_new_session=True, **options)

    def pids(self):
        """This process and its descendants."""
        found, todo = [], [self.popen.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/children") as children:
                        todo += [int(child) for child in children.read().split()]
            except OSError:
                continue
        return found

    def resident_kb(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return total

    def log_tail(self):
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-4:])

    def wait_for_port(self, port, seconds=15):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.popen.poll() is not None:
                raise Failure(f"{self.name} ended with {self.popen.returncode}:\n{self.log_tail()}")
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise Failure(f"{self.name} does not listen on {port}:\n{self.log_tail()}")

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(3)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)  # its own session: whatever it left behind
        except ProcessLookupError:
            pass
        self.popen.wait()


class Processes:
    """All children of one run; leaving the block ends them, newest first."""

    def __init__(self):
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.running:
            self.running.pop().stop()

    def start(self, *arguments, **options):
        process = Process(*arguments, **options)
        self.running.append(process)
        return process

    def stop(self, process):
        if process in self.running:
            self.running.remove(process)
        process.stop()


class Driver:
    """`baton_load drive`: runs one measurement and returns its JSON."""

    def __init__(self, processes, tool, core, proxy_core, run_dir, key):
        self.processes = processes
        self.tool = tool
        self.core = core
        self.proxy_core = proxy_core
        self.log_path = os.path.join(run_dir, "driver.log")
        self.key = key

    def _start(self, mode, port, options, **pipes):
        flags = {"port": port, "key": self.key, **options}
        arguments = [self.tool, "drive", mode]
        for name, value in flags.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        pipes = {"stdout": subprocess.PIPE, "text": True, **pipes}
        return self.processes.start("driver", arguments, self.core, self.log_path, **pipes)

    def measure(self, mode, port, pids, seconds_max, **options):
        options = {**options, "pids": ",".join(map(str, pids)), "core": self.proxy_core}
        process = self._start(mode, port, options)
        try:
            out, _ = process.popen.communicate(timeout=seconds_max)
        except subprocess.TimeoutExpired:
            raise Failure(f"the driver did not end within {seconds_max} s") from None
        finally:
            self.processes.stop(process)
        if process.popen.returncode != 0:
            raise Failure("driver: " + process.log_tail().strip().splitlines()[-1])
        return json.loads(out)

    def hold(self, port, streams, sources, measure):
        """Opens idle streams, calls measure() while they are held; returns its result and the driver's totals."""
        process = self._start("idle", port, {"streams": streams, "sources": sources}, stdin=subprocess.PIPE)
        try:
            first = process.popen.stdout.readline()
            if not first:
                raise Failure("driver: " + process.log_tail().strip())
            ready = json.loads(first)
            if ready["errors"] > 0:
                raise Failure(f"{ready['errors']} errors: {ready['error_kinds']}")
            result = measure()
            out, _ = process.popen.communicate("", timeout=30)
            return result, json.loads(out)
        finally:
            self.processes.stop(process)
