"""Redis: Debian's own redis-server as a process on a free port of this host, with a password, nothing on the disk unless asked for.

`server_missing()` says why there can be none. `Nonsense` takes its place and answers what is no answer.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from rig.ports import free_ports
from rig.relay import clean_environment, end_with_parent
from rig.wire import eventually

PASSWORD = "canary-redis-password-77d1e0"
SECRET = "canary-redis-secret-of-the-relays-5be2"


def server_missing():
    return None if shutil.which("redis-server") else "no redis-server is installed (Debian's redis-server)"


class Redis:
    def __init__(self):
        (self.port,) = free_ports(1)
        self.folder = tempfile.mkdtemp(prefix="baton-redis-")
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        config = (f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nsave \"\"\nappendonly no\nrequirepass {PASSWORD}\n"
                  f"logfile {self.folder}/log\nmaxmemory 64mb\n")
        self.process = subprocess.Popen(["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        cwd=self.folder, env=clean_environment(LC_ALL="C"), preexec_fn=end_with_parent)
        self.process.stdin.write(config.encode())
        self.process.stdin.close()
        eventually(lambda: self.answers("PING") == b"+PONG\r\n", 20, "the server")

    def stop(self):
        """Also one that stands still."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def answers(self, *words):
        """The first bytes of the answer to a command, or nothing."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(command("AUTH", PASSWORD) + command(*words))
                got = b""
                while got.count(b"\r\n") < 2:
                    piece = connection.recv(65536)
                    if not piece:
                        return None
                    got += piece
                return got.split(b"\r\n", 1)[1]
        except OSError:
            return None

    def dump(self):
        """All that lies in it, as it writes it to a disk, uncompressed."""
        self.answers("CONFIG", "SET", "rdbcompression", "no")
        if self.answers("SAVE") != b"+OK\r\n":
            raise AssertionError("the server saved nothing")
        with open(os.path.join(self.folder, "dump.rdb"), "rb") as file:
            return file.read()

    @property
    def url(self):
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/2"


def command(*words):
    return f"*{len(words)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (word.encode() for word in words))


class Nonsense:
    """Greets like a Redis and answers everything else with `said`."""

    def __init__(self, said):
        self.said = said
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.listener.close()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                while got := connection.recv(65536):
                    connection.sendall(b"+PONG\r\n" if got.endswith(b"PING\r\n") else self.said)
            except OSError:
                return
