"""What the binary and the unit of deploy/ leave to somebody who has broken in: read from the files themselves and from a process at work."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from rig.relay import BINARY, CLIENT_KEY, TOP, Relay, account
from rig.upstream import Upstream, answer_message
from rig.wire import call, eventually, message

UNIT = os.path.join(TOP, "deploy", "baton.service")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@unittest.skipUnless(shutil.which("readelf"), "readelf (binutils) is not here")
class Binary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.head = output("readelf", "-hW", BINARY)
        cls.segments = output("readelf", "-lW", BINARY)
        cls.dynamic = output("readelf", "-dW", BINARY)
        cls.notes = output("readelf", "-nW", BINARY)
        cls.imports = set(re.findall(r" UND (\w+)", output("readelf", "--dyn-syms", "-W", BINARY)))

    def test_it_is_at_a_random_address(self):
        self.assertRegex(self.head, r"Type:\s+DYN")
        self.assertRegex(self.dynamic, r"FLAGS_1.*\bPIE\b")

    def test_what_the_linker_filled_in_is_read_only(self):
        self.assertIn("GNU_RELRO", self.segments)
        self.assertRegex(self.dynamic, r"FLAGS_1.*\bNOW\b")

    def test_no_memory_is_both_written_and_executed(self):
        flags = re.findall(r"^\s+(LOAD|GNU_STACK)\s.* ([R ][W ][E ]) 0x", self.segments, re.MULTILINE)
        self.assertGreater(len(flags), 3, self.segments)
        for name, flag in flags:
            self.assertFalse("W" in flag and "E" in flag, (name, flag))
        self.assertIn("GNU_STACK", dict(flags))
        self.assertNotIn("TEXTREL", self.dynamic)

    def test_stacks_and_copies_are_checked(self):
        self.assertIn("__stack_chk_fail", self.imports)
        self.assertTrue({name for name in self.imports if name.endswith("_chk")}, "nothing of _FORTIFY_SOURCE")

    def test_indirect_jumps_land_where_they_may(self):
        begin = re.search(r"Entry point address:\s+0x([0-9a-f]+)", self.head)
        self.assertIsNotNone(begin)
        code = output("objdump", "-d", "--no-show-raw-insn", "-j", ".text", BINARY) if shutil.which("objdump") else ""
        self.assertGreater(code.count("endbr64"), 1000, "built without -fcf-protection")

    def test_no_path_of_the_builder_is_searched_for_libraries(self):
        self.assertNotRegex(self.dynamic, r"\((RPATH|RUNPATH)\)")

    def test_nothing_starts_a_program_or_loads_code(self):
        self.assertGreater(len(self.imports), 100)
        forbidden = {name for name in self.imports
                     if re.fullmatch(r"exec[lv]p?e?|execvpe|fexecve|execveat|system|popen|posix_spawnp?|v?fork|_Fork|dlopen|dlsym|wordexp", name)}
        self.assertEqual(forbidden, set())


class Process(unittest.TestCase):
    def setUp(self):
        self.upstream = self.enterContext(Upstream(answer_message))
        self.relay = self.enterContext(Relay([account(self.upstream.port)], {"clients": [{"name": "laptop", "key": CLIENT_KEY}]}))
        self.fields = [("x-api-key", CLIENT_KEY)]

    def status(self, name, thread=None):
        pid = self.relay.process.pid
        with open(f"/proc/{pid}/task/{thread or pid}/status", encoding="ascii") as file:
            return re.search(rf"^{name}:\s+(\S+)", file.read(), re.MULTILINE).group(1)

    def test_every_thread_is_confined(self):
        self.assertEqual(call(self.relay.port, "POST", "/v1/messages", message(), self.fields).status, 200)
        threads = os.listdir(f"/proc/{self.relay.process.pid}/task")
        self.assertGreater(len(threads), 3)
        for thread in threads:
            self.assertEqual((self.status("Seccomp", thread), self.status("NoNewPrivs", thread)), ("2", "1"), thread)

    def test_secrets_are_locked_in_memory_and_in_no_core(self):
        self.assertGreaterEqual(int(self.status("VmLck")), 64, "kB")
        with open(f"/proc/{self.relay.process.pid}/coredump_filter", encoding="ascii") as file:
            self.assertEqual(int(file.read(), 16), 0)
        with open(f"/proc/{self.relay.process.pid}/limits", encoding="ascii") as file:
            self.assertRegex(file.read(), r"Max core file size\s+0\s+0\s")


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not here")
class Unit(unittest.TestCase):
    EXPOSURE_MAX = 1.2

    def test_its_exposure(self):
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(UNIT, folder)
            text = output("systemd-analyze", "security", "--offline=true", "--no-pager", path)
        exposure = re.search(r"Overall exposure level for baton\.service: ([0-9.]+)", text)
        self.assertIsNotNone(exposure, text)
        self.assertLessEqual(float(exposure.group(1)), self.EXPOSURE_MAX, text)

    def test_it_is_one_that_systemd_understands(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("baton.service", "baton.socket"):
                with open(os.path.join(TOP, "deploy", name), encoding="utf-8") as file:
                    text = file.read().replace("/usr/local/bin/baton", BINARY)
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", os.path.join(folder, "baton.service"),
                                   os.path.join(folder, "baton.socket")], capture_output=True, text=True, timeout=60, check=False)
        complaints = [line for line in done.stderr.splitlines() if "baton" in line]
        self.assertEqual(complaints, [], done.stderr)

    def allowed(self):
        """The names of the system calls that the unit lets through."""
        sets = {}
        current = ""
        for line in output("systemd-analyze", "syscall-filter", "--no-pager").splitlines():
            if line.startswith("@"):
                current = line.strip()
                sets[current] = []
            elif line.strip() and not line.strip().startswith("#") and line.startswith(" "):
                sets[current].append(line.strip())

        def expand(word):
            if not word.startswith("@"):
                return {word}
            return set().union(*(expand(part) for part in sets[word]))

        allowed = expand("@default")
        with open(UNIT, encoding="utf-8") as file:
            for line in re.findall(r"^SystemCallFilter=(.*)$", file.read(), re.MULTILINE):
                names = set().union(*(expand(word) for word in line.lstrip("~").split()))
                allowed = allowed - names if line.startswith("~") else allowed | names
        return allowed

    @unittest.skipUnless(shutil.which("strace") and os.geteuid() == 0, "needs strace, and root to use it on the relay")
    def test_its_filter_lets_through_what_the_relay_does(self):
        with tempfile.NamedTemporaryFile(prefix="baton-strace-") as trace:
            with Upstream(answer_message) as upstream, Relay([account(upstream.port)]) as relay:
                tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "signal=none", "-o", trace.name, "-p", str(relay.process.pid)],
                                          stderr=subprocess.DEVNULL)
                try:
                    eventually(lambda: self.traced(relay.process.pid), 10, "the tracer")
                    for stream in (False, True):
                        self.assertEqual(call(relay.port, "POST", "/v1/messages", message(stream=stream)).status, 200)
                    relay.metrics()
                    relay.signal(signal.SIGHUP)
                    eventually(lambda: "revision 2" in relay.log(), what="the reload")
                    relay.stop()
                finally:
                    tracer.kill()
                    tracer.wait()
            used = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", trace.read().decode(errors="replace"), re.MULTILINE)) - {"resumed", "exited"}
        self.assertIn("epoll_wait", {name.replace("epoll_pwait", "epoll_wait") for name in used})
        self.assertEqual(used - self.allowed() - {"fchown"}, set())  # SQLite's, and only where root runs it

    @staticmethod
    def traced(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return "TracerPid:\t0" not in file.read()


if __name__ == "__main__":
    unittest.main()
