"""sbom.py BINARY [--output FILE]: what the binary is made of, as a CycloneDX 1.5 document: the Debian packages of the libraries that it needs
(also those that they need), the headers that are compiled in, and the npm packages of the operator's page, by its lock file.

The same tree and packages give the same bytes. `./dev sbom` writes build/sbom.cdx.json.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Compiled in, with no library at run time.
HEADERS_ONLY = ("libcli11-dev",)


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed(binary):
    """{soname: path} of all libraries, as the loader finds them."""
    found = {}
    for line in output("ldd", binary).splitlines():
        match = re.match(r"\s*(\S+) => (/\S+)", line) or re.match(r"\s*(/\S*ld-linux\S*)()", line)
        if match:
            path = match.group(2) or match.group(1)
            found[os.path.basename(match.group(1))] = path
    return found


def package_of(path):
    """The Debian package that owns a file; where /lib is /usr/lib, under either name."""
    real = os.path.realpath(path)
    for name in dict.fromkeys([path, real, path.removeprefix("/usr"), real.removeprefix("/usr"), "/usr" + path, "/usr" + real]):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise SystemExit(f"sbom: no package owns {path}")


def deb_component(package):
    version, source = output("dpkg-query", "-W", "-f=${Version}\t${source:Package}\n", package).splitlines()[0].split("\t")
    purl = f"pkg:deb/debian/{package}@{version}?distro=debian-12"
    return {"type": "library", "bom-ref": purl, "name": package, "version": version, "purl": purl,
            "properties": [{"name": "debian:source", "value": source}]}


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def npm_components(lock_path):
    """What the page is built from, without what only builds and checks it."""
    with open(lock_path, encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    out = []
    for place, one in packages.items():
        if not place or one.get("dev") or one.get("optional"):
            continue
        name = place.rpartition("node_modules/")[2]
        purl = f"pkg:npm/{name.replace('@', '%40')}@{one['version']}"
        digest = base64.b64decode(one["integrity"].removeprefix("sha512-")).hex()
        out.append({"type": "library", "bom-ref": purl, "name": name, "version": one["version"], "purl": purl,
                    "hashes": [{"alg": "SHA-512", "content": digest}]})
    return out


def version_of_tree():
    with open(os.path.join(TOP, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"project\(baton VERSION (\S+)", file.read()).group(1)


def make(binary, lock_path):
    components = {}
    for soname, path in sorted(needed(binary).items()):
        component = components.setdefault(package_of(path), None) or deb_component(package_of(path))
        component.setdefault("properties", []).append({"name": f"file:{soname}", "value": f"sha256:{sha256(path)}"})
        components[component["name"]] = component
    for package in HEADERS_ONLY:
        components[package] = deb_component(package)
    listed = [components[name] for name in sorted(components)] + npm_components(lock_path)
    digest = sha256(binary)
    root = {"type": "application", "bom-ref": "baton", "name": "baton", "version": version_of_tree(), "hashes": [{"alg": "SHA-256", "content": digest}]}
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'baton:' + digest)}",
            "version": 1, "metadata": {"component": root}, "components": listed,
            "dependencies": [{"ref": "baton", "dependsOn": [one["bom-ref"] for one in listed]}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--output")
    options = parser.parse_args()
    text = json.dumps(make(options.binary, os.path.join(TOP, "web", "package-lock.json")), indent=1) + "\n"
    if not options.output:
        sys.stdout.write(text)
        return 0
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
