"""Canaries: the secrets that the tests use, and the six forms in which a secret has leaked from gateways elsewhere.

Each is made up and used nowhere else, so that one sight of it is a leak. The forms: as it is (either half of it, so that a cut one counts);
base64 in both alphabets, at any place in a larger text; hexadecimal; percent-encoded; `\\u` escapes of JSON; and its SHA-256, with which
a guess could be checked.
"""

import base64
import hashlib
import os
import re

UPSTREAM_KEY = "sk-ant-canary-upstream-5f1c7a90d2"
CLIENT_KEY = "sk-baton-canary-client-7be04d1f33"
KEYS = {UPSTREAM_KEY, CLIENT_KEY}  # no reply may hold them either
# Of a prompt: what a client asks may come back to it, and stand nowhere else.
PROMPT = "canary-prompt-a81f"
LENGTH_MIN = 16
FILE_BYTES_MAX = 64 << 20

_forms = {}


def forms(secret):
    """[(name of the form, bytes to look for, whether letter case is ignored)]"""
    if secret not in _forms:
        raw = secret.encode()
        half = (len(raw) + 1) // 2
        wide = "".join(f"\\u{ord(c):04x}" for c in secret)
        _forms[secret] = [
            ("plain", raw[:half], False), ("plain", raw[half:] if len(raw) >= 2 * LENGTH_MIN else raw, False),
            *(("base64", form, False) for form in _base64(raw)),
            ("hex", raw.hex().encode(), True),
            ("percent", "".join(f"%{byte:02x}" for byte in raw).encode(), True),
            ("percent", re.sub(rb"[^A-Za-z0-9]", lambda m: b"%%%02x" % m.group()[0], raw).lower(), True),
            ("json", wide.encode(), True),
            ("sha256", hashlib.sha256(raw).hexdigest().encode(), True),
            ("sha256", hashlib.sha256(raw).digest(), False),
        ]
    return _forms[secret]


def _base64(raw):
    """What is the same of the encoding wherever in a longer text `raw` stands: by its place modulo 3, in both alphabets."""
    found = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        begin = -(-before * 8 // 6)
        end = (before + len(raw)) * 8 // 6
        found.add(text[begin:end])
        found.add(text[begin:end].replace(b"+", b"-").replace(b"/", b"_"))
    return sorted(found)


def find(data, secrets):
    """["form of secret…"] of all that is in `data`."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    folded = None
    found = []
    for secret in secrets:
        for name, needle, fold in forms(secret):
            if fold and folded is None:
                folded = data.lower()
            if needle in (folded if fold else data):
                found.append(f"{name} of {secret[:12]}…")
    return sorted(set(found))


def check(data, where, secrets=None):
    """Raises when `data` holds a secret: the ones given, or the keys and the prompt."""
    found = find(data, KEYS | {PROMPT} if secrets is None else secrets)
    if found:
        raise AssertionError(f"a secret stands in {where}: {', '.join(found)}")


def check_folder(folder, secrets, leave_out=()):
    """Every file below `folder`: databases with their write-ahead logs, journals, what is kept of the pool, logs. Returns how many."""
    count = 0
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name in leave_out or not os.path.isfile(path) or os.path.getsize(path) > FILE_BYTES_MAX:
                continue
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except FileNotFoundError:  # a write-ahead log comes and goes
                continue
            check(data, f"the file {os.path.relpath(path, folder)}", secrets)
            count += 1
    return count


def of_settings(value, name=""):
    """The secrets in a configuration, by the names that such settings have."""
    if isinstance(value, dict):
        return set().union(*(of_settings(item, key if name != "headers" else "key") for key, item in value.items()), set())
    if isinstance(value, list):
        return set().union(*(of_settings(item, name) for item in value), set())
    secret = name in ("key", "secret", "token", "webhook_secret", "redis_secret") and isinstance(value, str) and len(value) >= LENGTH_MIN
    return {value} if secret and not value.startswith(("/", "@", "$")) else set()
