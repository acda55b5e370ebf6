"""curl as a client: what the documents tell a person to type."""

import gzip
import json
import os
import subprocess
import tempfile
import unittest

from rig.certificate import make_certificate
from rig.relay import CLIENT_KEY, Relay, Simulator, TlsRelay, account

SIMULATION = {"seed": 5, "first_token": "5ms", "per_token": "1ms"}


class Curl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.cert, key = make_certificate(cls.folder)
        cls.simulator = cls.enterClassContext(Simulator(SIMULATION))
        clients = {"clients": [{"name": "c", "key": CLIENT_KEY}]}
        cls.plain = cls.enterClassContext(Relay([account(cls.simulator.port)], clients))
        cls.inner = cls.enterClassContext(TlsRelay([account(cls.simulator.port)], clients, cls.cert, key))
        # A relay behind a relay: TLS on both sides.
        chained = {**account(cls.inner.port), "base_url": f"https://localhost:{cls.inner.port}", "key": CLIENT_KEY, "ca_file": cls.cert}
        cls.chained = cls.enterClassContext(Relay([chained], clients))
        untrusting = {key: value for key, value in chained.items() if key != "ca_file"}
        cls.untrusting = cls.enterClassContext(Relay([untrusting], clients))

    def curl(self, url, *arguments):
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", self.cert, "-H", f"x-api-key: {CLIENT_KEY}", "-H", "anthropic-version: 2023-06-01",
                               "-w", "\n%{http_code} %{http_version}", *arguments, url], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status.split()[0]), body

    def ask(self, base, stream, *arguments):
        body = json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 20, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
        return self.curl(base + "/v1/messages", "-N", "-H", "content-type: application/json", "-d", body, *arguments)

    def check(self, base, *arguments):
        status, body = self.ask(base, False, *arguments)
        self.assertEqual((status, json.loads(body)["type"]), (200, "message"))
        status, body = self.ask(base, True, *arguments)
        self.assertEqual(status, 200)
        self.assertIn(b"event: message_stop", body)

    def test_plain(self):
        self.check(self.plain.url)

    def test_chunked(self):
        self.check(self.plain.url, "-H", "transfer-encoding: chunked")

    def test_expecting_continue(self):
        self.check(self.plain.url, "-H", "expect: 100-continue")

    def test_http_1_0(self):
        self.check(self.plain.url, "--http1.0")

    def test_tls(self):
        base = f"https://localhost:{self.inner.port}"
        for version in ("--tlsv1.2 --tls-max 1.2", "--tlsv1.3"):
            self.check(base, *version.split())
        done = subprocess.run(["curl", "-sS", "--cacert", self.cert, "--tls-max", "1.1", base + "/"], capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0, "TLS 1.1 was spoken")

    def test_tls_on_both_sides(self):
        self.check(self.chained.url)

    def test_an_upstream_that_nobody_vouches_for_gets_nothing(self):
        status, body = self.ask(self.untrusting.url, False)
        self.assertEqual((status, json.loads(body)["error"]["type"]), (502, "api_error"))

    def test_lists_and_counts(self):
        status, body = self.curl(self.plain.url + "/v1/models?limit=1000")
        self.assertEqual((status, "claude-sonnet-5-5" in [m["id"] for m in json.loads(body)["data"]]), (200, True))
        status, body = self.curl(self.plain.url + "/v1/messages/count_tokens?beta=true", "-H", "content-type: application/json", "-d",
                                 '{"model":"claude-sonnet-5-5","messages":[{"role":"user","content":"hello"}]}')
        self.assertEqual(status, 200)
        self.assertGreater(json.loads(body)["input_tokens"], 0)

    def test_warming_up(self):
        for path in ("/", "/api/hello"):
            self.assertEqual(self.curl(self.plain.url + path, "-I")[0], 200)

    def test_a_file_goes_up_and_comes_back(self):
        path = os.path.join(self.folder, "data.bin")
        content = os.urandom(3_000_000)
        with open(path, "wb") as file:
            file.write(content)
        status, body = self.curl(self.plain.url + "/v1/files", "-F", f"file=@{path}")
        self.assertEqual(status, 200, body)
        status, back = self.curl(self.plain.url + f"/v1/files/{json.loads(body)['id']}/content")
        self.assertEqual((status, back == content), (200, True))

    def test_a_compressed_body_is_taken(self):
        path = os.path.join(self.folder, "body.gz")
        with open(path, "wb") as file:
            file.write(gzip.compress(b'{"model":"claude-sonnet-5-5","max_tokens":5,"messages":[{"role":"user","content":"hello"}]}'))
        status, body = self.curl(self.plain.url + "/v1/messages", "-H", "content-type: application/json", "-H", "content-encoding: gzip",
                                 "--data-binary", f"@{path}")
        self.assertEqual((status, json.loads(body)["type"]), (200, "message"))


if __name__ == "__main__":
    unittest.main()
