"""What only root may arrange: a network of one's own with rules in it, and bounds of memory and processor by cgroup. Where it may not be had
the test is left out and says why."""

import ctypes
import os
import subprocess
import unittest

from rig.relay import Relay, end_with_parent

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class PrivateNetwork:
    """This thread, and what it starts, in a network namespace with nothing but loopback."""

    def __enter__(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("a network of one's own needs root")
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if LIBC.unshare(CLONE_NEWNET) != 0:
            os.close(self.before)
            raise unittest.SkipTest(f"no network namespace is to be had: {os.strerror(ctypes.get_errno())}")
        try:
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        LIBC.setns(self.before, CLONE_NEWNET)
        os.close(self.before)

    def run(self, *command, text=None):
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise unittest.SkipTest(f"{command[0]} is not installed") from error
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")

    def need_rules(self):
        """Leaves the test out where the kernel has no filter of packets."""
        try:
            self.rules()
        except AssertionError as error:
            raise unittest.SkipTest(str(error)) from error

    def rules(self, *lines):
        """Replaces the filter of what comes in over loopback."""
        self.run("nft", "-f", "-", text="flush ruleset\ntable ip test {\n chain input {\n  type filter hook input priority 0;\n" +
                 "".join(f"  {line}\n" for line in lines) + " }\n}\n")

    def local_ports(self, first, last):
        self.run("sh", "-c", f"echo {first} {last} > /proc/sys/net/ipv4/ip_local_port_range")


class Cgroup:
    """A group of this controller with these settings, cgroup version 1 or 2; left out where none may be made."""

    FILES = {"memory": ("memory.limit_in_bytes", "memory.max"), "cpu": ("cpu.cfs_quota_us", "cpu.max")}  # of version 1, of version 2

    def __init__(self, controller, value):
        self.controller, self.value = controller, value

    def __enter__(self):
        first, second = self.FILES[self.controller]
        name = f"baton-test-{os.getpid()}"
        for folder, file in ((f"/sys/fs/cgroup/{self.controller}/{name}", first), (f"/sys/fs/cgroup/{name}", second)):
            try:
                os.mkdir(folder)
            except OSError:
                continue
            self.folder = folder
            try:
                with open(os.path.join(folder, file), "w", encoding="ascii") as out:
                    out.write(str(self.value))
                return self
            except OSError:
                os.rmdir(folder)
        raise unittest.SkipTest(f"no cgroup that bounds the {self.controller} may be made here")

    def __exit__(self, *_):
        os.rmdir(self.folder)

    def take(self, pid):
        with open(os.path.join(self.folder, "cgroup.procs"), "w", encoding="ascii") as out:
            out.write(str(pid))

    def statistic(self, file, name):
        """A line of a file of numbers."""
        with open(os.path.join(self.folder, file), encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.split()[0] == name)


class ConfinedRelay(Relay):
    """A relay that is in the group from its first byte on."""

    def __init__(self, group, accounts, settings):
        self.group = group
        super().__init__(accounts, settings)

    def before_exec(self):
        end_with_parent()
        self.group.take(os.getpid())
