"""Signed requests: the reference signers against the shared vectors and against a running relay, and what is refused."""

import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from rig.relay import BINARY, TOP, Relay, account, clean_environment
from rig.rows import check_error
from rig.upstream import Upstream, answer_message
from rig.wire import call, eventually, message

SIGNERS = os.path.join(TOP, "clients", "signing")
CLIENTS = os.path.join(TOP, "build", "clients")
sys.path.insert(0, SIGNERS)
from baton_sign import signature_fields  # noqa: E402


def javascript(folder):
    """The TypeScript signer, checked and turned into JavaScript. Node runs it as it is only from version 22.6 on."""
    done = subprocess.run(["node", os.path.join(CLIENTS, "node_modules", "typescript", "bin", "tsc"), "--strict", "--skipLibCheck", "--target", "es2022",
                           "--module", "nodenext", "--types", "node", "--typeRoots", os.path.join(CLIENTS, "node_modules", "@types"),
                           "--outDir", folder, os.path.join(folder, "baton_sign.mts")],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return os.path.join(folder, "baton_sign.mjs")


class WithSigners(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="baton-signers-"))
        with open(os.path.join(SIGNERS, "baton_sign.ts"), encoding="utf-8") as source:
            with open(os.path.join(cls.folder, "baton_sign.mts"), "w", encoding="utf-8") as copy:
                copy.write(source.read())
        cls.signers = {"shell": [os.path.join(SIGNERS, "baton-sign")],
                       "python": [sys.executable, os.path.join(SIGNERS, "baton_sign.py")],
                       "typescript": ["node", javascript(cls.folder)]}

    def sign(self, signer, key, method, url, body=b"", **environment):
        """What the signer prints, as a list of fields."""
        path = os.path.join(self.folder, "body")
        with open(path, "wb") as file:
            file.write(body)
        done = subprocess.run([*self.signers[signer], method, url, path], capture_output=True, text=True, timeout=30, check=False,
                              env=clean_environment(BATON_SIGNING_KEY=key, **environment))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [tuple(line.split(": ", 1)) for line in done.stdout.splitlines()]


class Vectors(WithSigners):
    def test_every_signer_makes_the_signatures_of_the_vectors(self):
        with open(os.path.join(SIGNERS, "vectors.json"), encoding="utf-8") as file:
            vectors = json.load(file)
        self.assertGreaterEqual(len(vectors["vectors"]), 10)
        for signer in self.signers:
            for vector in vectors["vectors"]:
                with self.subTest(signer=signer, vector=vector["name"]):
                    fields = dict(self.sign(signer, vectors["key"], vector["method"], vector["url"], vector["body"].encode(),
                                            BATON_SIGNATURE_TIME=vector["time"], BATON_SIGNATURE_NONCE=vector["nonce"],
                                            BATON_CONTENT_ENCODING=vector["content_encoding"]))
                    self.assertEqual(fields["baton-signature-body"], vector["digest"])
                    self.assertEqual(fields["baton-signature-key"], vector["key_id"])
                    self.assertEqual(fields["baton-signature"], vector["signature"])

    def test_the_vectors_are_those_of_the_description(self):
        with open(os.path.join(SIGNERS, "vectors.json"), encoding="utf-8") as file:
            stored = json.load(file)
        import make_vectors
        self.assertEqual(stored["vectors"], [make_vectors.vector(case) for case in make_vectors.CASES])

    def test_what_is_no_signing_key_is_not_signed_with(self):
        for signer, command in self.signers.items():
            for key in ("", "bk-" + "0" * 48, "bs-0123456789abcdef-"):
                done = subprocess.run([*command, "GET", "http://127.0.0.1/v1/models"], capture_output=True, text=True, timeout=30,
                                      env=clean_environment(BATON_SIGNING_KEY=key), check=False)
                self.assertNotEqual(done.returncode, 0, f"{signer} {key!r}")


class Signed(WithSigners):
    def setUp(self):
        self.upstream = self.enterContext(Upstream(answer_message))
        self.data = self.enterContext(tempfile.TemporaryDirectory(prefix="baton-data-"))
        self.key = self.create("ci", "--signing")
        self.relay = self.enterContext(Relay([account(self.upstream.port)], {"data_dir": self.data}))
        self.url = f"http://127.0.0.1:{self.relay.port}/v1/messages"

    def create(self, *arguments):
        done = subprocess.run([BINARY, "keys", "create", *arguments, "--data-dir", self.data], capture_output=True, text=True, timeout=20,
                              env=clean_environment(), check=True)
        return done.stdout.strip()

    def ask(self, fields, body, port=None, target="/v1/messages"):
        return call(port or self.relay.port, "POST", target, body, [("authorization", ""), *fields],
                    host=f"127.0.0.1:{self.relay.port}")

    def fields(self, body, url=None, **more):
        return list(signature_fields(self.key, "POST", url or self.url, body, **more).items())

    def test_each_signer_is_served(self):
        self.assertRegex(self.key, r"^bs-[0-9a-f]{16}-[0-9a-f]{64}$")
        body = message(text="Grüße")
        for signer in self.signers:
            with self.subTest(signer=signer):
                fields = self.sign(signer, self.key, "POST", self.url, body)
                self.assertEqual(self.ask(fields, body).status, 200)
                check_error(self, self.ask(fields, body), 401, "authentication_error")  # its replay
        for asked in self.upstream.calls:
            self.assertNotIn(b"baton-signature", asked.head.lower() if isinstance(asked.head, bytes) else str(asked.head).lower().encode())

    def test_curl_as_the_document_says(self):
        body = message()
        path = os.path.join(self.folder, "curl-body")
        with open(path, "wb") as file:
            file.write(body)
        script = f'''"{SIGNERS}/baton-sign" POST "$URL" "$BODY" > "$BODY.fields"
                     curl -sS -o /dev/null -w '%{{http_code}}' "$URL" -H "@$BODY.fields" -H 'content-type: application/json' \
                       -H 'anthropic-version: 2023-06-01' --data-binary "@$BODY"'''
        done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=30, check=False,
                              env=clean_environment(BATON_SIGNING_KEY=self.key, URL=self.url, BODY=path))
        self.assertEqual(done.stdout, "200", done.stderr)

    def test_what_is_altered_or_late_is_refused_and_nothing_reaches_the_vendor(self):
        body = message()
        now = datetime.datetime.now(datetime.timezone.utc)
        at = lambda seconds: (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        cases = [("body", self.fields(body), body.replace(b"hello", b"hallo"), "/v1/messages", "digest was signed"),
                 ("query", self.fields(body), body, "/v1/messages?beta=true", "does not fit"),
                 ("path", self.fields(body), body, "/v1/messages/count_tokens", "does not fit"),
                 ("old", self.fields(body, time=at(-330)), body, "/v1/messages", "behind the relay's clock"),
                 ("early", self.fields(body, time=at(330)), body, "/v1/messages", "ahead of the relay's clock"),
                 ("another key", list(signature_fields(self.key[:-1] + ("0" if self.key[-1] != "0" else "1"), "POST", self.url, body).items()),
                  body, "/v1/messages", "does not fit"),
                 ("the key itself", [("x-api-key", self.key)], body, "/v1/messages", "No valid Baton key")]
        for name, fields, sent, target, sentence in cases:
            with self.subTest(name):
                reply = self.ask(fields, sent, target=target)
                check_error(self, reply, 401, "authentication_error")
                self.assertIn(sentence, reply.json()["error"]["message"])
        self.assertEqual(len(self.upstream.calls), 0)
        metrics = self.relay.admin("/metrics")[1]
        self.assertIn('baton_signed_requests_total{result="body_changed"} 1', metrics)
        self.assertNotIn(self.key[20:], self.relay.log() + metrics)

    def test_a_replay_is_refused_after_a_kill(self):
        body = message()
        fields = self.fields(body)
        self.assertEqual(self.ask(fields, body).status, 200)
        self.relay.signal(signal.SIGKILL)
        self.relay.wait()
        with Relay([account(self.upstream.port)], {"data_dir": self.data}) as again:
            reply = self.ask(fields, body, port=again.port)
            check_error(self, reply, 401, "authentication_error")
            self.assertIn("has come before", reply.json()["error"]["message"])
            self.assertEqual(self.ask(self.fields(body), body, port=again.port).status, 200)

    def test_the_older_form_only_for_keys_made_so(self):
        import hashlib
        import hmac
        old = self.create("old", "--signing", "--legacy")
        body = message()

        def older(key):
            time = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
            signature = hmac.new(key[20:].encode(), time.encode() + b":" + body, hashlib.sha256).hexdigest()
            return [("baton-signature-key", "key_" + key[3:19]), ("baton-signature-time", time), ("baton-signature", signature)]
        check_error(self, self.ask(older(self.key), body), 401, "authentication_error")
        eventually(lambda: self.ask(older(old), body).status == 200, 5, "the new key")


if __name__ == "__main__":
    unittest.main()
