"""Signs requests to a Baton relay, so that the key itself never travels.

    import anthropic, httpx
    from baton_sign import BatonAuth
    client = anthropic.Anthropic(base_url="https://relay.example", api_key="unused",
                                 http_client=httpx.Client(auth=BatonAuth(os.environ["BATON_SIGNING_KEY"])))

Every attempt is signed anew, the SDK's own repetitions too. Needs Python 3.9; httpx only for BatonAuth. From a shell:

    python3 baton_sign.py POST https://relay.example/v1/messages body.json     prints the fields, a line each
"""

import hashlib
import hmac
import os
import sys
import uuid
from datetime import datetime, timezone
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


def host_of(url):
    """The Host field that clients send for a URL: lower case, without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def signature_fields(key, method, url, body=b"", content_encoding="", time=None, nonce=None):
    """The fields to send with this request. `key` is what `baton keys create NAME --signing` printed."""
    prefix, identity, secret = key.strip().split("-")
    if prefix != "bs" or len(secret) != 64:
        raise ValueError("this is no signing key: bs-, 16 characters, a hyphen and 64 characters are expected")
    time = time or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    nonce = nonce or str(uuid.uuid4())
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    digest = hashlib.sha256(body).hexdigest()
    signed = [f"key_{identity}", method.upper(), host_of(url), target, content_encoding, digest, time, nonce]
    text = "baton-signature-v1\n" + "".join(f"{len(part.encode())}:{part}\n" for part in signed)
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"baton-signature-key": f"key_{identity}", "baton-signature-time": time, "baton-signature-nonce": nonce,
            "baton-signature-body": digest, "baton-signature": signature}


try:
    import httpx
except ImportError:
    pass
else:
    class BatonAuth(httpx.Auth):
        """Signs each request of an httpx client; takes the vendor's credential fields away."""

        requires_request_body = True

        def __init__(self, key):
            self.key = key

        def auth_flow(self, request):
            for name in ("x-api-key", "authorization"):
                request.headers.pop(name, None)
            request.headers.update(signature_fields(self.key, request.method, str(request.url), request.content,
                                                    request.headers.get("content-encoding", "")))
            yield request


def main(arguments):
    if len(arguments) not in (2, 3):
        sys.exit("usage: BATON_SIGNING_KEY=bs-... baton_sign.py METHOD URL [BODY-FILE]")
    body = b""
    if len(arguments) == 3:
        with open(arguments[2], "rb") as file:
            body = file.read()
    fields = signature_fields(os.environ["BATON_SIGNING_KEY"], arguments[0], arguments[1], body,
                              os.environ.get("BATON_CONTENT_ENCODING", ""), os.environ.get("BATON_SIGNATURE_TIME"),
                              os.environ.get("BATON_SIGNATURE_NONCE"))
    for name, value in fields.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main(sys.argv[1:])
