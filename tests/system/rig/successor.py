"""The next process over a relay's configuration and data: takes over from it, or starts after it."""

import os
import socket

from rig.relay import Process, Relay


class Successor(Relay):
    """`baton serve --take-over` beside the relay that it replaces."""

    def __init__(self, before, arguments=("--take-over",)):  # pylint: disable=super-init-not-called
        self.port, self.admin_port = before.port, before.admin_port
        self.config_folder, self.config_path = before.config_folder, before.config_path
        self.data, self.secrets = before.data, before.secrets
        Process.__init__(self, ["serve", "--config", self.config_path, *arguments])

    def __exit__(self, kind, value, trace):
        Process.__exit__(self, kind, value, trace)  # the configuration is its predecessor's


class FakeSuccessor:
    """Speaks the hand-over from the new process's side, as far as a test wants."""

    MARK = b"baton-hand-over 1 "

    def __init__(self, relay):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(os.path.join(relay.config_folder.name, "data", "hand-over"))
        self.fds = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def receive(self):
        """The next message's text after its mark; its descriptors are kept."""
        text, fds, _, _ = socket.recv_fds(self.socket, 65536, 128)
        self.fds += fds
        if not text.startswith(self.MARK):
            raise AssertionError(f"a message without its mark: {text!r}")
        return text[len(self.MARK):].decode()

    def receive_offer(self):
        """The lines of all that listens."""
        self.send("ask")
        lines = []
        while not (text := self.receive()).startswith("offered "):
            if not text.startswith("offer\n"):
                raise AssertionError(f"no offer: {text!r}")
            lines += text.splitlines()[1:]
        return lines

    def send(self, text):
        self.socket.send(self.MARK + text.encode())
