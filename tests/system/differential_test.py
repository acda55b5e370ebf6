"""Baton's readers beside other people's, on the same bytes: a request that Baton takes, node's llhttp takes too and reads in the same way, so
that nothing can be smuggled between them (Baton may refuse more); an event stream gives the same events as the npm package
eventsource-parser. Inputs are tables and their mutations from one seed; BATON_DIFFERENTIAL: how many."""

import json
import os
import random
import subprocess
import unittest

from framing_test import CHUNKED, REFUSED, get, post

COUNT = int(os.environ.get("BATON_DIFFERENTIAL") or (200_000 if os.environ.get("BATON_SOAK") else 4_000))
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "..", "build")
READ_LINES = os.environ.get("BATON_READ_LINES") or os.path.join(BUILD, "release", "read_lines")
CLIENTS = os.path.join(BUILD, "clients")

SEEDS = [data for _, data, _, _ in REFUSED] + [
    get(), post(b"Content-Length: 5\r\n", b"hello"), post(b"Transfer-Encoding: chunked\r\n", CHUNKED), get() + get(),
    post(b"Content-Length: 5\r\n", b"hello") + get(), post(b"Transfer-Encoding: chunked\r\n", CHUNKED) + post(b"Content-Length: 0\r\n", b"") + get(),
    post(b"Transfer-Encoding: chunked\r\n", b"5;a=b\r\nhello\r\n0\r\nx-t: 1\r\n\r\n") + get(), get(fields=b"Connection: close\r\n") + get(),
    get(fields=b"Connection: keep-alive, x-hop\r\nX-Hop: 1\r\n"), get(b"GET http://127.0.0.1/v1/models?a=b HTTP/1.1\r\n"),
    get(b"GET /v1/models HTTP/1.0\r\n"), post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello"),
]
PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b":", b";", b",", b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
          b"0\r\n\r\n", b"\x0b", b"\x7f", b"\x80", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"-", b"+", b"0x", b"5", b"\"", b"Connection: close\r\n", b"Host: b\r\n"]
EVENT_SEEDS = ["event: a\ndata: 1\n\n", "data: 1\ndata: 2\n\n", ": ping\n\n", "data\n\n", "data:\n\n", "id: 1\ndata:x\n\n", "retry: 5\n\n", "event:a\r\ndata:1\r\n\r\n",
               "event: a\rdata: 1\r\r", "event: a\ndata: {\"t\":\"漢字 👩‍👩‍👧\"}\n\ndata: 2\n\n", "event: message_start\n\n", "\ufeffdata: 1\n\n", "data: a\n", "x: y\ndata: 1\n\n",
               "data:  two\n\n", "event: a\nevent: b\ndata: 1\n\n", "event: a\ndata: 1\n\ndata: 2\n\n"]
EVENT_PIECES = ["\n", "\r", "\r\n", "\n\n", "data: ", "event: ", ":", " ", "id: 3", "漢", "\ufeff", "\u2028", "data"]


def mutated(rng, seeds, pieces):
    data = rng.choice(seeds)
    if rng.random() < 0.2:
        data = data + rng.choice(seeds)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
        at = rng.randint(0, len(data))
        how = rng.random()
        if how < 0.45:
            data = data[:at] + rng.choice(pieces) + data[at:]
        elif how < 0.7:
            data = data[:at] + data[at + rng.randint(1, 4):]
        elif how < 0.85:
            data = data[:at] + rng.choice(pieces) + data[at + rng.randint(1, 8):]
        else:
            other = rng.randint(0, len(data))
            data = data[:at] + data[min(at, other):max(at, other)] + data[at:]
    return data


def read(command, lines):
    done = subprocess.run(command, input="".join(line + "\n" for line in lines), capture_output=True, text=True, timeout=280, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def theirs(lines):
    return read(["node", "--no-warnings", os.path.join(HERE, "clients", "read_lines.mjs"), CLIENTS], lines)


class Differential(unittest.TestCase):
    def test_a_request_that_is_taken_is_read_as_llhttp_reads_it(self):
        rng = random.Random(20261124)
        inputs = SEEDS + [mutated(rng, SEEDS, PIECES) for _ in range(COUNT)]
        lines = ["requests " + data.hex() for data in inputs if data]
        taken = 0
        for data, own, other in zip([d for d in inputs if d], read([READ_LINES], lines), theirs(lines), strict=True):
            for i, request in enumerate(own):
                taken += 1
                self.assertGreater(len(other), i, f"llhttp sees no such request: {data!r}")
                self.assertIsNotNone(other[i], f"llhttp refuses it: {data!r}")
                for name in ("method", "target", "body"):
                    self.assertEqual(request[name], other[i][name], f"{name} of request {i} of {data!r}")
                fields = [[name, bytes.fromhex(value).strip(b" \t").hex()] for name, value in other[i]["fields"]]
                self.assertEqual(request["fields"], fields, f"fields of request {i} of {data!r}")
        self.assertGreater(taken, COUNT / 20, "hardly a request was taken")

    def test_events_are_those_that_eventsource_parser_sees(self):
        rng = random.Random(7)
        # A CR at the very end may be half of a line's end: both get something behind it.
        inputs = [text + "\n: end\n" for text in EVENT_SEEDS + [mutated(rng, EVENT_SEEDS, EVENT_PIECES) for _ in range(COUNT)]]
        lines = [f"events {rng.choice((0, 1, 2, 7))} {text.encode().hex()}" for text in inputs]
        seen = 0
        for text, own, other in zip(inputs, read([READ_LINES], lines), theirs(lines), strict=True):
            # Events without data are no events for a browser; Baton tells of them where they have a name.
            own = [event for event in own if event[1]]
            other = [event for event in other if event[1]]
            self.assertEqual(own, other, repr(text))
            seen += len(own)
        self.assertGreater(seen, COUNT / 4, "hardly an event was seen")


if __name__ == "__main__":
    unittest.main()
