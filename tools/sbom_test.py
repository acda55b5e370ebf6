"""The list of parts, made of a program that every machine has."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import sbom

LOCK = {"packages": {"": {"name": "page"},
                     "node_modules/preact": {"version": "10.1.0", "integrity": "sha512-" + "AAAA" * 21 + "AA=="},
                     "node_modules/@scope/part": {"version": "2.0.0", "integrity": "sha512-" + "BBBB" * 21 + "BA=="},
                     "node_modules/esbuild": {"version": "0.1.0", "integrity": "sha512-" + "CCCC" * 21 + "CA==", "dev": True}}}


@unittest.skipUnless(shutil.which("dpkg-query"), "needs dpkg")
class Sbom(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.lock = os.path.join(self.folder, "lock.json")
        with open(self.lock, "w", encoding="utf-8") as file:
            json.dump(LOCK, file)
        installed = subprocess.run(["dpkg-query", "-W", *sbom.HEADERS_ONLY], capture_output=True, check=False).returncode == 0
        self.addCleanup(setattr, sbom, "HEADERS_ONLY", sbom.HEADERS_ONLY)
        if not installed:
            sbom.HEADERS_ONLY = ()
        self.binary = shutil.which("bash")

    def test_every_library_stands_in_it_with_its_package(self):
        document = sbom.make(self.binary, self.lock)
        self.assertEqual((document["bomFormat"], document["specVersion"]), ("CycloneDX", "1.5"))
        self.assertRegex(document["serialNumber"], r"^urn:uuid:[0-9a-f-]{36}$")
        listed = {p["name"].removeprefix("file:") for one in document["components"] for p in one.get("properties", []) if p["name"].startswith("file:")}
        self.assertEqual(listed, set(sbom.needed(self.binary)))
        self.assertIn("libc6", {one["name"] for one in document["components"]})
        for one in document["components"]:
            self.assertTrue(one["version"])
            self.assertRegex(one["purl"], r"^pkg:(deb/debian|npm)/[^@]+@")
        refs = [one["bom-ref"] for one in document["components"]]
        self.assertEqual(len(refs), len(set(refs)))
        self.assertEqual(document["dependencies"], [{"ref": "baton", "dependsOn": refs}])

    def test_what_the_page_is_built_from_has_its_digest_and_what_builds_it_is_left_out(self):
        parts = sbom.npm_components(self.lock)
        self.assertEqual([(one["name"], one["purl"]) for one in parts],
                         [("preact", "pkg:npm/preact@10.1.0"), ("@scope/part", "pkg:npm/%40scope/part@2.0.0")])
        for one in parts:
            self.assertTrue(re.fullmatch(r"[0-9a-f]{128}", one["hashes"][0]["content"]))

    def test_the_same_parts_give_the_same_bytes(self):
        self.assertEqual(sbom.make(self.binary, self.lock), sbom.make(self.binary, self.lock))

    def test_the_pages_own_lock_file_can_be_read(self):
        self.assertGreater(len(sbom.npm_components(os.path.join(sbom.TOP, "web", "package-lock.json"))), 0)


if __name__ == "__main__":
    unittest.main()
