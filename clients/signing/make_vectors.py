"""Writes vectors.json: signed requests and their signatures, computed here from the description in README.md alone.

Kept apart from the signers, so that they are held against a second reading of the same text.
"""

import hashlib
import hmac
import json
import os

KEY = "bs-0123456789abcdef-" + hashlib.sha256(b"a secret for tests").hexdigest()
NONCE = "3f1c9a52-7d08-4c39-b6aa-0f3d2b6f8e11"
TIME = "2026-11-24T12:00:00Z"
BODY = json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Grüße, 世界"}]},
                  ensure_ascii=False, separators=(",", ":"))

CASES = [
    {"name": "a Messages call", "method": "POST", "url": "http://127.0.0.1:8787/v1/messages", "body": BODY},
    {"name": "with a query", "method": "POST", "url": "http://127.0.0.1:8787/v1/messages?beta=true", "body": BODY},
    {"name": "without a body", "method": "GET", "url": "http://127.0.0.1:8787/v1/models?limit=1000"},
    {"name": "a host with capitals and the default port", "method": "GET", "url": "https://Relay.Example/v1/models"},
    {"name": "another port", "method": "GET", "url": "https://relay.example:8443/v1/models"},
    {"name": "an IPv6 host", "method": "GET", "url": "http://[::1]:8787/v1/files/file_1"},
    {"name": "an escape in the path", "method": "DELETE", "url": "http://127.0.0.1:8787/v1/x/a%20b"},
    {"name": "colons and line ends in the body", "method": "POST", "url": "http://127.0.0.1:8787/v1/messages", "body": "3:abc\n:\r\n"},
    {"name": "a content-encoding", "method": "POST", "url": "http://127.0.0.1:8787/v1/messages", "body": "not really gzip", "content_encoding": "gzip"},
    {"name": "a fraction and an offset in the time", "method": "POST", "url": "http://127.0.0.1:8787/v1/messages", "body": "{}",
     "time": "2026-11-24T13:00:00.250+01:00"},
    {"name": "a long nonce", "method": "POST", "url": "http://127.0.0.1:8787/v1/messages", "body": "{}", "nonce": "N" * 64},
]


def vector(case):
    case = {"body": "", "content_encoding": "", "time": TIME, "nonce": NONCE, **case}
    _, _, rest = case["url"].partition("://")
    host, _, path = rest.partition("/")
    identity, secret = KEY.split("-")[1:]
    digest = hashlib.sha256(case["body"].encode()).hexdigest()
    parts = ["key_" + identity, case["method"], host.lower(), "/" + path, case["content_encoding"], digest, case["time"], case["nonce"]]
    text = "baton-signature-v1\n" + "".join(f"{len(part.encode())}:{part}\n" for part in parts)
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {**case, "host": host, "target": "/" + path, "key_id": "key_" + identity, "digest": digest, "text": text, "signature": signature}


if __name__ == "__main__":
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w", encoding="utf-8") as file:
        json.dump({"key": KEY, "vectors": [vector(case) for case in CASES]}, file, ensure_ascii=False, indent=1)
        file.write("\n")
