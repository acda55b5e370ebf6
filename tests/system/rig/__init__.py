"""What the system tests stand on: the real binary as a process, an upstream that follows a script, and a client on a raw socket."""
