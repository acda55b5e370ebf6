"""A tree that breaks each rule once, and one that breaks none."""

import os
import subprocess
import sys
import tempfile
import unittest

import check_layers

# (name, file below src/, content, want: (line, part of the message) or None)
CASES = [
    ("the ground floor includes what is below it", "net/socket.h", '#pragma once\n#include "http/http1.h"\n#include "base/error.h"\n', None),
    ("the ground floor does not include upwards", "base/a.cc", '\n#include "runtime/loop.h"\n', (2, "base may not include runtime")),
    ("model knows only base", "model/a.cc", '#include "http/http1.h"\n', (1, "model may not include http")),
    ("a test's own header is a test", "net/x_fixture.h", "#pragma once\n#include <gtest/gtest.h>\n", None),
    ("a test may be longer", "net/a_test.cc", "int x;\n" * 1000, None),
    ("a test may not be endless", "net/a_test.cc", "int x;\n" * 1001, (1001, "two ideas")),
    ("metrics may know the nouns", "metrics/a.cc", '#include "model/usage.h"\n', None),
    ("store may count and tell the time", "store/a.cc", '#include "metrics/log.h"\n#include "runtime/clock.h"\n', None),
    ("store does not know the network", "store/a.cc", '#include "net/socket.h"\n', (1, "store may not include net")),
    ("a step of the walk stands on the ground", "edge/a.cc", '#include "net/socket.h"\n#include "edge/config.h"\n', None),
    ("a step of the walk knows no other", "auth/a.cc", '#include "edge/exchange.h"\n', (1, "auth may not include edge")),
    ("not even its config", "auth/a.cc", '#include "edge/config.h"\n', (1, "auth may not include edge")),
    ("relay knows the walk", "relay/a.cc", '#include "edge/exchange.h"\n#include "ledger/ledger.h"\n', None),
    ("relay does not know app", "relay/a.cc", '#include "app/wiring.h"\n', (1, "relay may not include app")),
    ("the simulator is a server", "sim/a.cc", '#include "edge/server.h"\n', None),
    ("the simulator knows no other step", "sim/a.cc", '#include "accounts/pick.h"\n', (1, "sim may not include accounts")),
    ("config reads every module's config.h", "config/a.cc", '#include "sim/config.h"\n#include "edge/config.h"\n', None),
    ("config reads nothing else of a module", "config/a.cc", '#include "edge/server.h"\n', (1, "config may not include edge")),
    ("app knows all", "app/a.cc", '#include "relay/serve.h"\n#include "sim/server.h"\n#include <CLI/CLI.hpp>\n', None),
    ("a test may include anything", "auth/a_test.cc", '#include "sim/server.h"\n#include <gtest/gtest.h>\n#include "tests/x.h"\n', None),
    ("gtest is for tests", "auth/a.cc", "#include <gtest/gtest.h>\n", (1, "only a test may include it")),
    ("detail is private", "relay/a.cc", '#include "edge/detail/x.h"\n', (1, "private to edge")),
    ("an unknown module", "misc/a.cc", "int x;\n", (1, "'misc' is no module in the table")),
    ("a file outside every module", "a.cc", "int x;\n", (1, "'a.cc' is no module in the table")),
    ("a relative include", "edge/a.cc", '#include "server.h"\n', (1, "written from src/")),
    ("a parent include", "edge/a.cc", '#include "../auth/a.h"\n', (1, "written from src/")),
    ("another library in quotes", "edge/a.cc", '#include "openssl/ssl.h"\n', (1, "no module of ours")),
    ("OpenSSL outside its wrapper", "edge/a.cc", "#include <openssl/ssl.h>\n", (1, "only base or net")),
    ("OpenSSL in its wrapper", "net/a.cc", "#include <openssl/ssl.h>\n", None),
    ("simdjson outside its wrapper", "stream/a.cc", "#include <simdjson.h>\n", (1, "only http")),
    ("sockets outside net", "edge/a.cc", "#include <netinet/tcp.h>\n", (1, "only net")),
    ("epoll outside net", "runtime/a.cc", "#include <sys/epoll.h>\n", (1, "only net")),
    ("SQLite outside store", "ledger/a.cc", "#include <sqlite3.h>\n", (1, "only store")),
    ("fmt anywhere", "ledger/a.cc", "#include <fmt/format.h>\n", None),
    ("a library nobody wraps", "ledger/a.cc", "#include <boost/asio.hpp>\n", (1, "no module of tools/check_layers.py wraps")),
    ("no pragma once", "edge/a.h", "int x;\n", (1, "#pragma once")),
    ("printing", "edge/a.cc", 'void f() {\n  printf("x");\n}\n', (2, "printing belongs to app/")),
    ("streams", "edge/a.cc", "void f() { std::cout << 1; }\n", (1, "standard streams")),
    ("snprintf is no printing", "edge/a.cc", 'void f(char* b) { std::snprintf(b, 2, "x"); }\n', None),
    ("printing in app", "app/a.cc", 'void f() { std::printf("x"); }\n', None),
    ("another program", "app/a.cc", 'void f() { system("ls"); }\n', (1, "starts no other program")),
    ("another program by exec", "net/a.cc", "void f() { ::execve(a, b, c); }\n", (1, "starts no other program")),
    ("another program in an expression", "net/a.cc", "int f() { return std::system(a) + ::fork(); }\n", (1, "starts no other program")),
    ("a member called system", "net/a.cc", "void f() { clock.system(); x->fork(); }\n", None),
    ("a variable called system", "net/a.cc", "void f() { Elements system(value); }\n", None),
    ("a function of ours called system", "net/a.cc", "void f() { auto ok = system(); }\n", None),
    ("the word in a comment or text", "net/a.cc", '// system(3) is not used\nconst char* x = "system(";\n', None),
    ("unfinished work", "net/a.cc", "// TO" + "DO later\n", (1, "finish it or file it")),
    ("a long file", "net/a.cc", "int x;\n" * 501, (501, "two ideas")),
    ("a file of the full length", "net/a.cc", "int x;\n" * 500, None),
    ("another ending", "net/a.cpp", "int x;\n", (1, "end in .cc and .h")),
]


class CheckLayers(unittest.TestCase):
    def test_each_rule(self):
        for name, file, content, want in CASES:
            with self.subTest(name), tempfile.TemporaryDirectory() as top:
                self.write(top, file, content)
                self.write(top, "base/error.h", "#pragma once\n")
                found = check_layers.check_tree(top)
                if want is None:
                    self.assertEqual(found, [])
                    continue
                self.assertEqual([(path, line) for path, line, _ in found], [(f"src/{file}", want[0])], found)
                self.assertIn(want[1], found[0][2])

    def test_the_command_prints_and_fails(self):
        with tempfile.TemporaryDirectory() as top:
            self.write(top, "auth/a.cc", '\n#include "edge/exchange.h"\n')
            done = self.run_command(top)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stdout, "src/auth/a.cc:2: \"edge/exchange.h\": auth may not include edge\n")

    def test_a_clean_tree_passes_and_an_empty_one_does_not(self):
        with tempfile.TemporaryDirectory() as top:
            self.assertEqual(self.run_command(top).returncode, 1)
            self.write(top, "base/error.h", "#pragma once\n")
            done = self.run_command(top)
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_this_tree(self):
        top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.assertEqual(check_layers.check_tree(top), [])

    @staticmethod
    def write(top, file, content):
        path = os.path.join(top, "src", file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(content)

    @staticmethod
    def run_command(top):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check_layers.py")
        return subprocess.run([sys.executable, script, top], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    unittest.main()
