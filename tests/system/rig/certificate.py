"""A certificate for localhost, made for one test run."""

import os
import subprocess


def make_certificate(folder, names="DNS:localhost,IP:127.0.0.1"):
    """(certificate, key) as files of `folder`."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key
