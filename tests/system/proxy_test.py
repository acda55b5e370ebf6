"""Outbound proxies per account: HTTP CONNECT and SOCKS5, with and without credentials; what a proxy refuses moves on."""

import asyncio
import base64
import tempfile
import threading
import unittest

from rig.certificate import make_certificate
from rig.relay import CLIENT_KEY, Relay, TlsRelay, account
from rig.upstream import Upstream, answer_message
from rig.wire import call, message


class Proxy:
    """A proxy that records whom it was asked for; `user` and `password` are demanded when given."""

    def __init__(self, kind, user=None, password=None):
        self.kind, self.user, self.password = kind, user, password
        self.asked, self.refused = [], 0
        self.loop = asyncio.new_event_loop()
        started = threading.Event()

        def run():
            asyncio.set_event_loop(self.loop)
            server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            self.loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.loop.call_soon_threadsafe(self.loop.stop)

    @property
    def url(self):
        credentials = f"{self.user}:{self.password}@" if self.user else ""
        return f"{'http' if self.kind == 'http' else 'socks5'}://{credentials}127.0.0.1:{self.port}"

    async def serve(self, reader, writer):
        try:
            target = await (self.http(reader, writer) if self.kind == "http" else self.socks(reader, writer))
            if target is None:
                self.refused += 1
                return
            self.asked.append(target)
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target[1])
            await asyncio.gather(self.copy(reader, there_writer), self.copy(there_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def http(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n")[0].split(" ")
        fields = [line.split(":", 1) for line in head.split("\r\n")[1:-2]]
        given = {name.lower(): value.strip() for name, value in fields}.get("proxy-authorization")
        if self.user and given != "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode():
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return None
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n")
            return None
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        host, port = target.rsplit(":", 1)
        return host, int(port)

    async def socks(self, reader, writer):
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 2 if self.user else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return None
        writer.write(bytes([5, wanted]))
        if self.user:
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), password.decode()) == (self.user, self.password)
            writer.write(bytes([1, 0 if good else 1]))
            if not good:
                return None
        _, command, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(str(byte) for byte in await reader.readexactly(4))
        elif kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            await reader.readexactly(16)
            host = "v6"
        port = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(b"\x05\0\0\x01\0\0\0\0\0\0" if command == 1 else b"\x05\x07\0\x01\0\0\0\0\0\0")
        return (host, port) if command == 1 else None


class Proxies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.cert, key = make_certificate(cls.folder)
        cls.upstream = cls.enterClassContext(Upstream(answer_message))
        # Something that speaks TLS: another Baton in front of the scripted upstream.
        clients = {"clients": [{"name": "outer", "key": CLIENT_KEY}]}
        cls.tls = cls.enterClassContext(TlsRelay([account(cls.upstream.port)], clients, cls.cert, key))

    def through(self, url, tls=True):
        if tls:
            base = {**account(self.tls.port), "base_url": f"https://localhost:{self.tls.port}", "key": CLIENT_KEY, "ca_file": self.cert}
        else:
            base = account(self.upstream.port)
        return self.enterContext(Relay([{**base, "proxy": url}]))

    def check(self, kind, user=None, password=None, tls=True):
        proxy = self.enterContext(Proxy(kind, user, password))
        relay = self.through(proxy.url, tls)
        for stream in (False, True):
            reply = call(relay.port, "POST", "/v1/messages", message(stream=stream))
            self.assertEqual(reply.status, 200, reply.body)
        self.assertGreaterEqual(len(proxy.asked), 1)
        host, port = proxy.asked[0]
        self.assertEqual(port, self.tls.port if tls else self.upstream.port)
        return host

    def test_connect(self):
        self.assertEqual(self.check("http"), "localhost")

    def test_connect_with_credentials(self):
        self.check("http", "user", "password")

    def test_socks5(self):
        self.check("socks5")

    def test_socks5_with_credentials(self):
        self.check("socks5", "user", "password")

    def test_socks5_without_tls(self):
        self.check("socks5", tls=False)

    def test_a_proxy_that_refuses_is_answered_and_tells_no_secret(self):
        for kind in ("http", "socks5"):
            proxy = self.enterContext(Proxy(kind, "user", "right-password"))
            relay = self.through(proxy.url.replace("right", "wrong"))
            reply = call(relay.port, "POST", "/v1/messages", message())
            self.assertIn(reply.status, (502, 503))
            self.assertEqual(reply.json()["error"]["type"], "api_error")
            self.assertNotIn(b"wrong-password", reply.body)
            self.assertNotIn("wrong-password", relay.log())
            self.assertGreaterEqual(proxy.refused, 1)


if __name__ == "__main__":
    unittest.main()
