"""Free loopback ports."""

import socket


def free_ports(count):
    """Ports that nobody listens on now; all are held at once, so that they differ."""
    held = []
    for _ in range(count):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        held.append(s)
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports
