"""What the upstream gets is what the client sent, and what the client gets is what the upstream sent: bytes, headers, encodings."""

import gzip
import json
import random
import unittest

import brotli
import zstandard

from rig.relay import CLIENT_KEY, UPSTREAM_KEY, Relay, account
from rig.rows import rows
from rig.upstream import MESSAGE, MESSAGE_START, Upstream, event, reply_bytes, reply_head, text_delta, text_stream
from rig.wire import Wire, call, message, request

CJK = "漢字かな交じり文、한글 그리고 العربية 👩‍👩‍👧‍👦🏳️‍🌈 \\ud83d ẞ"
STREAM = b"".join(text_stream(CJK, "\\n\\\"", "你好"))
SEEDS = 40


def of_ours(reply):
    return {n.lower() for n, _ in reply.fields if n.lower().startswith("baton-")}


class Bytes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Upstream(cls.script))
        clients = {"clients": [{"name": "tests", "key": CLIENT_KEY}]}
        cls.relay = cls.enterClassContext(Relay([account(cls.upstream.port)], clients))

    @classmethod
    async def script(cls, call):
        await cls.answer(call)

    def setUp(self):
        self.upstream.calls.clear()

    def answer_with(self, status, fields, body):
        async def answer(call):
            await call.reply(status, fields, body)

        type(self).answer = staticmethod(answer)

    def ask(self, method="POST", target="/v1/messages", body=b"", fields=()):
        return call(self.relay.port, method, target, body, [("x-api-key", CLIENT_KEY), *fields])


class Upwards(Bytes):
    def setUp(self):
        super().setUp()
        self.answer_with(200, [("content-type", "application/json")], MESSAGE)

    def test_random_bodies_arrive_unchanged(self):
        rng = random.Random(20261124)
        for seed in range(SEEDS):
            body = random_message(rng)
            self.assertEqual(self.ask(body=body).status, 200, body)
            self.assertEqual(self.upstream.calls[-1].body, body, f"seed {seed}")
            self.assertEqual(self.upstream.calls[-1].all("content-length"), [str(len(body))])

    def test_bodies_in_chunks_of_any_size_arrive_unchanged(self):
        rng = random.Random(7)
        for _ in range(20):
            body = random_message(rng)
            framed, rest = b"", body
            while rest:
                size = rng.randint(1, max(1, len(body) // 3))
                framed += b"%x\r\n%s\r\n" % (len(rest[:size]), rest[:size])
                rest = rest[size:]
            with Wire(self.relay.port) as wire:
                wire.send(b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: %s\r\nanthropic-version: 2023-06-01\r\n"
                          b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n%s0\r\n\r\n" % (CLIENT_KEY.encode(), framed))
                self.assertEqual(wire.read_reply().status, 200)
            self.assertEqual(self.upstream.calls[-1].body, body)

    def test_a_compressed_body_arrives_as_it_was_compressed(self):
        body = message(text="again " * 1000)
        packed = gzip.compress(body)
        self.assertEqual(self.ask(body=packed, fields=[("content-encoding", "gzip")]).status, 200)
        (got,) = self.upstream.calls
        if got.all("content-encoding") == ["gzip"]:
            self.assertEqual(got.body, packed)
        else:
            self.assertEqual((got.all("content-encoding"), got.body), ([], body))

    def test_end_to_end_fields_arrive_and_the_others_do_not(self):
        fields = [("anthropic-version", "2026-10-21"), ("anthropic-beta", "one-2030-01-01,two-2031-02-02"), ("anthropic-beta", "three"),
                  ("anthropic-unheard-of", "x; y=\"z\""), ("X-Stainless-Retry-Count", "1"), ("user-agent", "Odd/1.0 (a, b)"),
                  ("accept", "application/json"), ("x-app", "cli"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                  # and what must not arrive:
                  ("connection", "keep-alive, x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=5"), ("te", "trailers"),
                  ("proxy-authorization", "Basic eA=="), ("accept-encoding", "gzip, br"), ("cookie", "a=b"), ("authorization", "Bearer " + CLIENT_KEY)]
        self.assertEqual(self.ask(body=message(), fields=fields).status, 200)
        (got,) = self.upstream.calls
        for name, value in [f for f in fields[:9] if f[0] != "anthropic-beta"]:
            self.assertEqual(got.all(name.lower()), [value], name)
        self.assertEqual(",".join(got.all("anthropic-beta")).replace(", ", ","), "one-2030-01-01,two-2031-02-02,three")
        for name in ("x-hop", "keep-alive", "te", "proxy-authorization", "cookie", "authorization", "via", "x-forwarded-for", "forwarded"):
            self.assertEqual(got.all(name), [], name)
        self.assertEqual(got.all("x-api-key"), [UPSTREAM_KEY])
        self.assertEqual(got.all("host"), [f"127.0.0.1:{self.upstream.port}"])
        self.assertIn(got.all("accept-encoding"), ([], ["identity"]))

    def test_the_target_arrives_with_any_query(self):
        for target in ("/v1/messages?beta=true", "/v1/messages?a=%20%2F&b[]=c&b[]=d", "/v1/messages?", "/v1/unheard/of?x=1"):
            self.ask(target=target, body=message())
            self.assertEqual(self.upstream.calls[-1].target, target)

    def test_both_ways_of_sending_the_key_are_taken(self):
        for field in (("x-api-key", CLIENT_KEY), ("authorization", f"Bearer {CLIENT_KEY}"), ("authorization", f"bearer {CLIENT_KEY}")):
            self.assertEqual(call(self.relay.port, "POST", "/v1/messages", message(), [field]).status, 200, field[0])
            self.assertEqual(self.upstream.calls[-1].all("x-api-key"), [UPSTREAM_KEY])
            self.assertEqual(self.upstream.calls[-1].all("authorization"), [])

    def test_a_large_file_streams_through_unchanged(self):
        content = random.Random(3).randbytes(8 << 20)
        fields = [("content-type", "multipart/form-data; boundary=xyz"), ("anthropic-beta", "files-api-2025-04-14")]
        self.answer_with(200, [("content-type", "application/json")], b'{"id":"file_01","type":"file"}')
        self.assertEqual(self.ask(target="/v1/files", body=content, fields=fields).status, 200)
        self.assertEqual(self.upstream.calls[-1].body, content)


class Downwards(Bytes):
    def test_replies_of_every_status_come_unchanged(self):
        for status in (200, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503, 504, 529):
            body = f'{{"type":"error",  "error":{{"message":"{status} {CJK}","type":"x"}} }}\n'.encode()
            fields = [("content-type", "application/json"), ("request-id", "req_1"), ("x-odd", "a, b"), ("X-Should-Retry", "true"),
                      ("set-cookie", "a=b"), ("anthropic-organization-id", "org-secret"), ("anthropic-unheard-of", "1")]
            self.answer_with(status, fields, body)
            reply = self.ask(body=message())
            self.assertEqual((reply.status, reply.body), (status, body))
            self.assertEqual(reply.all("content-type"), ["application/json"])
            self.assertEqual((reply.all("request-id"), reply.all("x-odd"), reply.all("anthropic-unheard-of")), (["req_1"], ["a, b"], ["1"]))
            self.assertEqual((reply.all("set-cookie"), reply.all("anthropic-organization-id")), ([], []))
            self.assertTrue(of_ours(reply))

    def test_a_stream_cut_at_every_byte_comes_unchanged(self):
        async def answer(call):
            cut = int(call.one("x-cut"))
            await call.begin_stream()
            for piece in (STREAM[:cut], STREAM[cut:]):
                if piece:
                    await call.chunk(piece)
            await call.end_stream()

        type(self).answer = staticmethod(answer)
        with Wire(self.relay.port) as wire:
            for cut in range(0, len(STREAM) + 1, 1):
                wire.send(request("POST", "/v1/messages", message(stream=True), [("x-api-key", CLIENT_KEY), ("x-cut", str(cut))]))
                reply = wire.read_reply()
                self.assertEqual((reply.status, reply.body), (200, STREAM), f"cut at {cut}")
                self.assertEqual(reply.one("content-type"), "text/event-stream; charset=utf-8")

    def test_an_events_usage_is_read_however_it_is_framed(self):
        before = self.relay.settled_metrics()
        for ending in (b"\n", b"\r\n", b"\r"):
            for pieces in ([STREAM], [bytes([b]) for b in STREAM]):
                raw = [piece.replace(b"\n", ending) for piece in pieces]

                async def answer(call, raw=raw):
                    await call.stream(*raw)

                type(self).answer = staticmethod(answer)
                reply = self.ask(body=message(stream=True))
                self.assertEqual(reply.body, b"".join(raw))
        after = self.relay.settled_metrics()
        names = [n for n in after.types if "tokens" in n]
        self.assertTrue(names, "no metric counts tokens")
        grown = {name: after.value(name) - before.value(name) for name in names}
        self.assertIn(6 * (12 + 3), grown.values(), grown)

    def test_odd_streams_come_unchanged(self):
        odd = [b"\xef\xbb\xbf" + STREAM, b": a comment\n\n" + STREAM, STREAM.replace(b"data: ", b"data:"),
               STREAM.replace(b"event: ping", b"event:ping"), MESSAGE_START + event("unheard_of", '{"type":"unheard_of","x":[1]}') + STREAM[len(MESSAGE_START):],
               STREAM + b": after the end\n\n", b"retry: 1\nid: 7\n" + STREAM, STREAM.replace(b"\n\n", b"\n\n\n\n"),
               MESSAGE_START + text_delta("x\xff".encode("latin-1").decode("latin-1")) + STREAM[len(MESSAGE_START):]]
        for raw in odd:
            async def answer(call, raw=raw):
                await call.stream(raw)

            type(self).answer = staticmethod(answer)
            reply = self.ask(body=message(stream=True))
            self.assertEqual((reply.status, reply.body), (200, raw), raw[:80])

    def test_a_reply_that_ends_with_its_connection_comes_whole(self):
        async def answer(call):
            await call.send(reply_head(200, [("content-type", "application/json"), ("connection", "close")]) + MESSAGE)
            call.end()

        type(self).answer = staticmethod(answer)
        reply = self.ask(body=message())
        self.assertEqual((reply.status, reply.body), (200, MESSAGE))

    def test_interim_replies_are_not_taken_for_the_answer(self):
        async def answer(call):
            await call.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + reply_bytes(200, [("content-type", "application/json")], MESSAGE))

        type(self).answer = staticmethod(answer)
        reply = self.ask(body=message())
        self.assertEqual((reply.status, reply.body), (200, MESSAGE))

    def test_trailing_bytes_after_a_reply_go_to_nobody(self):
        async def answer(call):
            await call.send(reply_bytes(200, [("content-type", "application/json")], MESSAGE) +
                            reply_bytes(200, [("content-type", "application/json")], b'{"poison":true}'))

        type(self).answer = staticmethod(answer)
        for _ in range(5):
            self.assertEqual(self.ask(body=message()).body, MESSAGE)


def packed(coding, data):
    return {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.compress}[coding](data)


@rows([(f"{coding}, {'streamed' if streamed else 'whole'}, {'announced' if announced else 'not announced'}", coding, streamed, announced)
       for coding in ("gzip", "br", "zstd") for streamed in (False, True) for announced in (True, False)
       if announced or not streamed or coding == "gzip"])
class Encoded(Bytes):
    """The upstream encodes although identity was asked: the bytes pass, nothing is put between them. A stream in br or zstd that does not say
    so cannot be told from a broken one."""

    def check_row(self, coding, streamed, announced):
        plain = STREAM if streamed else MESSAGE
        data = packed(coding, plain)
        announcement = [("content-encoding", coding)] if announced else []

        async def answer(call):
            if streamed:
                await call.stream(*[data[i:i + 7] for i in range(0, len(data), 7)], fields=announcement)
            else:
                await call.reply(200, [("content-type", "application/json"), *announcement], data)

        type(self).answer = staticmethod(answer)
        before = self.relay.settled_metrics()
        reply = self.ask(body=message(stream=streamed), fields=[("accept-encoding", "gzip, br, zstd")])
        self.assertEqual((reply.status, reply.body), (200, data))
        self.assertEqual(reply.all("content-encoding"), [coding] if announced else [])
        if announced:
            after = self.relay.settled_metrics()
            grown = [after.value(name) - before.value(name) for name in after.types if "tokens" in name]
            self.assertIn(15, grown, "the usage was not read")


def random_text(rng):
    pool = ["a", "Z", " ", "\\n", "\\u00e9", "\\ud83d\\ude00", "漢", "👩‍👩‍👧", "\\\"", "\\\\", "\\/", "{", "}", "[", ",", ":", "\x7f", "ß", "\\u0000"]
    return '"' + "".join(rng.choice(pool) for _ in range(rng.randint(0, 30))) + '"'


def random_value(rng, depth):
    kind = rng.randint(0, 7 if depth else 4)
    if kind <= 1:
        return random_text(rng)
    if kind == 2:
        return rng.choice(["0", "-0", "1e400", "1E-5", "123456789012345678901234567890", "0.1000", "-12.5e+3"])
    if kind <= 4:
        return rng.choice(["true", "false", "null"])
    blank = rng.choice(["", " ", "\n\t", "\r\n"])
    count = rng.randint(0, 4)
    if kind == 5:
        return "[" + blank + ("," + blank).join(random_value(rng, depth - 1) for _ in range(count)) + blank + "]"
    return "{" + blank + ("," + blank).join(f'"k{i}"{blank}:{blank}{random_value(rng, depth - 1)}' for i in range(count)) + blank + "}"


def random_message(rng):
    """A /v1/messages body with unknown fields, odd blanks, odd numbers and escapes, its keys in any order."""
    members = ['"model" : "claude-sonnet-5-5"', '"max_tokens":64', f'"messages":[{{"role":"user","content":{random_text(rng)}}}]',
               f'"metadata":{{"user_id":{random_text(rng)}}}']
    members += [f'"unheard_of_{i}":{random_value(rng, 4)}' for i in range(rng.randint(0, 5))]
    rng.shuffle(members)
    blank = rng.choice(["", " ", "\n  ", "\t"])
    text = "{" + blank + ("," + blank).join(members) + blank + "}" + blank
    json.loads(text)
    return text.encode()


if __name__ == "__main__":
    unittest.main()
