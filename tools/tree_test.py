"""What must hold of the whole tree: links of its documents lead somewhere, nothing is fetched while it is built, and no SQL is put together
from text."""

import json
import os
import re
import subprocess
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"|<source[^>]*\bsrcset=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def tracked(*patterns):
    out = subprocess.run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns], capture_output=True, text=True,
                         check=True).stdout
    return sorted(path for path in out.split("\0") if path and os.path.exists(os.path.join(TOP, path)))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def sources():
    return [path for path in tracked("src/*.cc", "src/*.h") if not path.endswith("_test.cc")]


def anchors(text):
    """The names under which a page's headings can be linked to."""
    found = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names = [name] + [f"{name}-{i}" for i in range(1, 50)]
        found.add(next(one for one in names if one not in found))
    return found


def broken_links(path, text):
    """Links of the page at `path` that lead to no file, no folder or no heading."""
    out = []
    for target in (next(filter(None, groups)) for groups in LINK.findall(FENCE.sub("", text))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        place, _, anchor = target.partition("#")
        at = os.path.normpath(os.path.join(os.path.dirname(path), place)) if place else path
        if not os.path.exists(os.path.join(TOP, at)):
            out.append(f"{path}: {target} is not there")
        elif anchor and (not at.endswith(".md") or anchor not in anchors(read(at))):
            out.append(f"{path}: {target} has no such heading")
    return out


class Documents(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        pages = tracked("*.md")
        self.assertGreater(len(pages), 20)
        self.assertEqual([one for path in pages for one in broken_links(path, read(path))], [])

    def test_a_broken_link_is_found(self):
        self.assertEqual(len(broken_links("README.md", "[a](nowhere.md) [b](README.md#no-such) ![c](no.png) [d](#none) <img src=\"no.webp\">")), 5)
        self.assertEqual(broken_links("README.md", "# One `two`, three\n[a](#one-two-three) [b](README.md) [c](https://example.com)\n```\n[x](no)\n```"),
                         ["README.md: #one-two-three has no such heading"] if "one-two-three" not in anchors(read("README.md")) else [])
        self.assertEqual(anchors("# One `two`, three\n## At /x\n## At /x\n```\n# none\n```\n"), {"one-two-three", "at-x", "at-x-1"})

    def test_every_page_of_the_handbook_can_be_reached_from_the_readme(self):
        reached, left = set(), ["README.md"]
        while left:
            path = left.pop()
            if path in reached or not path.endswith(".md"):
                continue
            reached.add(path)
            for target in (next(filter(None, groups)) for groups in LINK.findall(read(path))):
                at = os.path.normpath(os.path.join(os.path.dirname(path), target.partition("#")[0]))
                if not re.match(r"[a-z][a-z0-9+.-]*:", target) and os.path.isfile(os.path.join(TOP, at)):
                    left.append(at)
        self.assertEqual(set(tracked("docs/*.md")) - {p for p in tracked("docs/*.md") if p.startswith("docs/adr/")} - reached, set())

    def test_pictures_are_small_and_shown(self):
        pictures = tracked("docs/screenshots/*")
        shown = "".join(read(path) for path in tracked("*.md"))
        for path in pictures:
            self.assertLess(os.path.getsize(os.path.join(TOP, path)), 150 * 1024, path)
            self.assertIn(os.path.basename(path), shown, f"{path} is in no page")


class Tables(unittest.TestCase):
    """The tables of tests/ that say which test shows what: a test that they name is there."""

    @classmethod
    def setUpClass(cls):
        cls.of_cc = {f"{suite}.{name}" for path in tracked("src/*_test.cc", "tests/*_test.cc")
                     for suite, name in re.findall(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)", read(path), re.MULTILINE)}
        cls.topics = {os.path.basename(path)[:-len("_test.py")]: read(path) for path in tracked("tests/system/*_test.py", "tools/tree_test.py")}
        cls.topics["tools"] = cls.topics.pop("tree")
        cls.topics["dashboard"] = read("tests/system/browser/dashboard.mjs")
        cls.topics["hostile"] = read("tests/simulation/hostile_test.cc")

    def missing(self, text):
        """The tests named in it that are not there."""
        out = []
        for suite, name, topic, title in re.findall(r"`(\w+)\.(\w+)`|`(\w+): ([^`]+)`", re.sub(r"`(?:system/|hostile: H…|connection: )[^`]*`", "", text)):
            there = f"{suite}.{name}" in self.of_cc if suite else f"def test_{title}(" in self.topics[topic] or \
                f'"{title}"' in self.topics[topic] or f"'{title}'" in self.topics[topic]
            out += [] if there else [f"{suite}{topic} {name}{title}"]
        return out

    def test_every_test_about_an_incident_exists(self):
        section = read("tests/README.md").split("## What has happened to other gateways", 1)[1].split("\n## ", 1)[0]
        rows = re.findall(r"^\| (?!what happened|---)(.+?) \| (.+?) \| (.+) \|$", section, re.MULTILINE)
        self.assertGreater(len(rows), 35)
        for what, _, tests in rows:
            self.assertRegex(tests, r"`\w+[.:]", f"{what}: no test")
            self.assertEqual(self.missing(tests), [], what)

    def test_every_test_about_hostile_input_exists(self):
        page = read("tests/hostile.md").split("\n## ", 1)[1]
        rows = re.findall(r"^\| ([HJSAC]\d+)\b.*$", page, re.MULTILINE)
        self.assertGreater(len(rows), 75)
        self.assertEqual(self.missing(page), [])
        titles = set(re.findall(r"`hostile: ([^`…]+)`", page))
        for title in re.findall(r'^      ?\{"((?:[HJ]\d+) [^"]+)"', self.topics["hostile"], re.MULTILINE):
            self.assertIn(title, titles, "a row of hostile_test.cc that the page leaves out")


class Supply(unittest.TestCase):
    """LiteLLM 1.82.7: what was installed was not what the repository held. Here the parts are Debian's, or pinned by digest."""

    def test_the_build_fetches_nothing(self):
        for path in tracked("CMakeLists.txt", "*.cmake", "*/CMakeLists.txt", "CMakePresets.json"):
            self.assertIsNone(re.search(r"FetchContent|ExternalProject|file\s*\(\s*DOWNLOAD|\bcurl\b|\bwget\b|git\s+clone|https?://", read(path)), path)

    def test_no_source_is_a_binary(self):
        for path in tracked("*.so", "*.a", "*.o", "*.jar", "*.whl", "*.exe", "*.wasm", "*.node"):
            self.fail(path)

    def test_every_npm_package_is_pinned_by_its_digest(self):
        locks = tracked("*package-lock.json")
        self.assertGreaterEqual(len(locks), 2)
        for path in locks:
            packages = {name: one for name, one in json.loads(read(path))["packages"].items() if name}
            self.assertGreater(len(packages), 0, path)
            for name, one in packages.items():
                self.assertRegex(one.get("integrity", ""), r"^sha512-", f"{path}: {name}")

    def test_every_python_package_of_the_tests_has_one_version(self):
        for path in tracked("tests/system/clients/*.txt"):
            for line in read(path).splitlines():
                self.assertRegex(line, r"^[\w.\-\[\]]+==[\w.]+$", path)


class Sql(unittest.TestCase):
    """LiteLLM CVE-2026-42208 and new-api CVE-2026-25591: a key inside a statement, a wildcard inside a LIKE."""

    LITERAL = r'"(?:[^"\\]|\\.)*"'

    def arguments(self):
        """(path, what is handed to SQLite) of every place."""
        for path in sources():
            text = read(path)
            for match in re.finditer(r"\b(?:prepare|execute|number_of)\(", text):
                depth, at = 1, match.end()
                while depth and at < len(text):
                    literal = re.compile(self.LITERAL).match(text, at)
                    at, depth = (literal.end(), depth) if literal else (at + 1, depth + {"(": 1, ")": -1}.get(text[at], 0))
                yield path, text[match.end():at - 1]

    def test_only_constants_are_joined_to_a_statement(self):
        seen = 0
        for path, argument in self.arguments():
            if re.search(r'"\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE)\b', argument):
                seen += 1
                rest = re.sub(self.LITERAL, "", argument)
                for joined in re.findall(r"\+\s*([^+]*)", rest):
                    self.assertRegex(joined.strip(), r"^(std::string\()?(k[A-Z]\w*|BATON_\w+)?\)?$", f"{path}: {argument[:200]}")
        self.assertGreater(seen, 15)

    def test_no_statement_has_a_pattern_in_it(self):
        for path in sources():
            for statement in re.findall(r'"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM) (?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*', read(path)):
                self.assertIsNone(re.search(r"\b(LIKE|GLOB|REGEXP|MATCH)\b", statement), f"{path}: {statement}")


if __name__ == "__main__":
    unittest.main()
