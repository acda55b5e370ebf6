"""The TLS settings of a listener, seen by openssl s_client: versions, suites, groups, renegotiation, compression, tickets."""

import os
import shutil
import subprocess
import tempfile
import unittest

from rig.certificate import make_certificate
from rig.relay import CLIENT_KEY, TlsRelay, account
from rig.rows import rows
from rig.upstream import Upstream, answer_message

FINE_12 = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")
FINE_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
# The client's own rules are lowered, so that it is the relay that refuses.
LOW = ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]


def setUpModule():
    global folder, upstream, relay  # pylint: disable=global-variable-undefined
    folder = unittest.enterModuleContext(tempfile.TemporaryDirectory())
    cert, key = make_certificate(folder)
    upstream = unittest.enterModuleContext(Upstream(answer_message))
    clients = {"clients": [{"name": "laptop", "key": CLIENT_KEY}]}
    relay = unittest.enterModuleContext(TlsRelay([account(upstream.port)], clients, cert, key))


def handshake(*arguments, text=b"", seconds=10):
    """(whether it came about, what s_client says)"""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}", "-CAfile", os.path.join(folder, "cert.pem"), *arguments],
                          input=text, capture_output=True, timeout=seconds, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    return "Cipher is (NONE)" not in said and "\nSSL-Session" in said or "New, TLSv1.3, Cipher is TLS_" in said, said


@rows([("TLS 1.0", "-tls1"), ("TLS 1.1", "-tls1_1")])
class OldVersions(unittest.TestCase):
    def check_row(self, version):
        fine, said = handshake(version, *LOW)
        self.assertFalse(fine, said)


@rows([(suite, suite) for suite in FINE_12])
class Suites12(unittest.TestCase):
    def check_row(self, suite):
        fine, said = handshake("-tls1_2", "-cipher", suite)
        self.assertTrue(fine, said)
        self.assertIn(f"Cipher    : {suite}", said)
        self.assertIn("Verify return code: 0 (ok)", said)


@rows([(suite, suite) for suite in FINE_13])
class Suites13(unittest.TestCase):
    def check_row(self, suite):
        fine, said = handshake("-tls1_3", "-ciphersuites", suite)
        self.assertTrue(fine, said)
        self.assertIn(f"Cipher is {suite}", said)


class Rules(unittest.TestCase):
    def test_no_other_suite_of_tls_1_2_is_taken(self):
        known = subprocess.run(["openssl", "ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True, check=True)
        others = [name for name in known.stdout.strip().split(":") if name not in FINE_12 and not name.startswith("TLS_")]
        self.assertGreater(len(others), 20)
        fine, said = handshake("-tls1_2", "-cipher", ":".join(others) + ":@SECLEVEL=0")
        self.assertFalse(fine, said)

    def test_only_the_two_groups_are_taken(self):
        for group, wanted in (("X25519", True), ("P-256", True), ("P-384", False), ("P-521", False), ("X448", False), ("ffdhe2048", False)):
            fine, said = handshake("-tls1_3", "-groups", group)
            self.assertEqual(fine, wanted, f"{group}: {said}")

    def test_the_relays_order_of_suites_counts_unless_the_client_wants_chacha(self):
        for asked, given in (("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                             ("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305")):
            _, said = handshake("-tls1_2", "-cipher", asked)
            self.assertIn(f"Cipher    : {given}", said)

    def test_nobody_renegotiates(self):
        _, said = handshake("-tls1_2", text=b"R\nQ\n")
        self.assertIn("Secure Renegotiation IS supported", said)  # that is: the extension against the attack is there
        self.assertRegex(said, "no renegotiation|handshake failure|unexpected")

    def test_nothing_is_compressed(self):
        _, said = handshake("-tls1_2", "-comp")
        self.assertIn("Compression: NONE", said)

    def test_no_early_data_is_taken(self):
        _, said = handshake("-tls1_3")
        self.assertNotIn("Max Early Data: 16384", said)
        self.assertIn("Early data was not sent", said)

    def test_a_client_that_asks_for_http_2_only_is_refused_and_http_1_1_is_agreed(self):
        _, said = handshake("-alpn", "h2,http/1.1")
        self.assertIn("ALPN protocol: http/1.1", said)
        fine, said = handshake("-alpn", "h2")
        self.assertFalse(fine, said)

    def test_a_session_is_resumed_by_its_ticket(self):
        path = os.path.join(folder, "session")
        handshake("-tls1_2", "-sess_out", path, text=b"Q\n")
        _, said = handshake("-tls1_2", "-sess_in", path, text=b"Q\n")
        self.assertIn("Reused, TLSv1.2", said)

    @unittest.skipUnless(shutil.which("testssl") or shutil.which("testssl.sh"), "testssl is not here")
    @unittest.skipUnless(os.environ.get("BATON_SOAK"), "testssl takes minutes: ./dev soak")
    def test_testssl_finds_nothing_of_weight(self):
        path = os.path.join(folder, "testssl.csv")
        subprocess.run([shutil.which("testssl") or "testssl.sh", "--quiet", "--color", "0", "--csvfile", path, "-p", "-s", "-f", "-U",
                        f"127.0.0.1:{relay.port}"], capture_output=True, timeout=900, check=False)
        with open(path, encoding="utf-8") as file:
            found = [line for line in file if '"HIGH"' in line or '"CRITICAL"' in line]
        self.assertEqual([line for line in found if "BREACH" not in line], [])


if __name__ == "__main__":
    unittest.main()
