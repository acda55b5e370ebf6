"""Postgres: Debian's own PostgreSQL as a process with a cluster of its own, on a free port of this host.

The server refuses to run as root: then it is another user's process. `server_missing()` says why there can be none.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from rig.ports import free_ports
from rig.relay import clean_environment, end_with_parent
from rig.wire import eventually

PASSWORD = "canary-postgres-3f81c2a6"
NAME = "baton"


def programs():
    """The folder of the newest server's programs, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4]))) if found else None


def other_user():
    """Whose process it is: None for this one's."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def server_missing():
    if programs() is None:
        return "no PostgreSQL server is installed (Debian's postgresql)"
    if os.geteuid() == 0 and other_user() is None:
        return "PostgreSQL does not run as root, and there is no other user"
    return None


class Postgres:
    def __init__(self):
        self.programs = programs()
        self.user = other_user()
        (self.port,) = free_ports(1)
        self.folder = tempfile.mkdtemp(prefix="baton-postgres-")
        self.data = os.path.join(self.folder, "data")
        secret = os.path.join(self.folder, "password")
        with open(secret, "w", encoding="ascii") as file:
            file.write(PASSWORD)
        if self.user:
            for path in (self.folder, secret):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self.process = None
        done = self.spawn("initdb", "-D", self.data, "-U", NAME, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--no-locale", "-N",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = done.communicate(timeout=60)[0]
        if done.returncode != 0:
            raise AssertionError(f"initdb: {said.decode()}")
        self.start()
        self.sql(f"CREATE DATABASE {NAME}", database="postgres")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, program, *arguments, **more):
        as_user = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return subprocess.Popen([os.path.join(self.programs, program), *arguments], stdin=subprocess.DEVNULL, cwd="/",
                                env=clean_environment(LC_ALL="C"), preexec_fn=end_with_parent, **as_user, **more)

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = self.spawn("postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder, "-h", "127.0.0.1",
                                      "-c", "fsync=off", "-c", "shared_buffers=16MB", stdout=log, stderr=log)
        ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        eventually(lambda: subprocess.run([os.path.join(self.programs, ready[0]), *ready[1:]], check=False).returncode == 0, 30, "the server")

    def stop(self, number=signal.SIGINT):
        """SIGINT ends it with every connection; SIGKILL is left out, since it leaves shared memory behind."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    @property
    def url(self):
        return f"postgresql://{NAME}:{PASSWORD}@127.0.0.1:{self.port}/{NAME}"

    def sql(self, text, database=NAME):
        """The rows of a question, each a list of texts."""
        done = subprocess.run([os.path.join(self.programs, "psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                               "-p", str(self.port), "-U", NAME, "-d", database, "-c", text],
                              capture_output=True, text=True, timeout=30, env=clean_environment(PGPASSWORD=PASSWORD), check=False)
        if done.returncode != 0:
            raise AssertionError(f"psql: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def number(self, text):
        return int(self.sql(text)[0][0] or 0)
