"""check_layers.py [TOP]: who may include whom, and the few rules a compiler does not hold.

Prints `file:line: message` for each violation and ends with 1 if there is one. Run by CTest, by `./dev test` and before each commit.
"""

import os
import re
import sys

# The ground floor. Each may include what is named here, and itself.
GROUND = {
    "base": set(),
    "runtime": {"base"},
    "http": {"base", "runtime"},
    "cache": {"base"},
    "model": {"base"},
    "metrics": {"base", "runtime", "model"},
    "store": {"base", "runtime", "model", "metrics"},
    "net": {"base", "runtime", "http"},
}
# The walk of a request, in its order. Never one another: what one needs of another, relay/ passes in as a value.
WALK = ["edge", "auth", "dialect", "session", "reuse", "similar", "accounts", "upstream", "stream", "ledger"]
# Beside the walk. sim and admin are servers; trace is a client and sends as the walk does.
BESIDE = {"relay": set(WALK), "sim": {"edge"}, "admin": {"edge", "auth", "dialect", "accounts", "ledger"}, "trace": {"upstream"}, "batch": set(), "region": set(), "config": set(), "app": None}

# Third-party headers: the first pattern that matches names the only modules that may include them.
WRAPPED = [
    (r"openssl/", {"base", "net"}),
    (r"simdjson", {"http"}),
    (r"(zlib\.h|brotli/|zstd)", {"http"}),
    (r"ares", {"net"}),
    (r"(sqlite3|libpq)", {"store"}),
    (r"yaml-cpp/", {"config"}),
    (r"CLI/", {"app"}),
    (r"prometheus/", {"metrics"}),
    (r"xxhash", {"base", "http", "reuse"}),
    (r"sys/(socket|un|epoll|timerfd|eventfd|sendfile)\.h|netinet/|netdb\.h|linux/", {"net"}),
    (r"fmt/", None),
    (r"(gtest|gmock)/", set()),
]
# (file below src/, header): reason. Exceptions to WRAPPED.
EXCEPTIONS = {
    ("app/confine.cc", "linux/audit.h"): "the filter on the process's own system calls",
    ("app/confine.cc", "linux/filter.h"): "the filter on the process's own system calls",
    ("app/confine.cc", "linux/seccomp.h"): "the filter on the process's own system calls",
    ("metrics/line_sink.cc", "sys/socket.h"): "a log that goes to a socket is written without waiting and without SIGPIPE",
}
LINES_MAX = 500
TEST_LINES_MAX = 1000  # tables are long
# Files that are longer than LINES_MAX, each with the reason why it is still one idea.
LONG = {
    "config/table.cc": "one table: every setting is a row of it",
    "http/http1.cc": "request and reply heads share their field rules: the grammar of RFC 9112 stands in one place",
    "http/json.cc": "one scanner: its states read as one table",
}

FORBIDDEN = [
    (re.compile(r"\b(?:std::)?(?:cout|cerr|clog)\b"), "standard streams belong to app/", {"app"}),
    (re.compile(r"(?<![\w:>.])(?:std::)?(?:printf|puts|putchar)\s*\("), "printing belongs to app/", {"app"}),
    (re.compile(r"(?:^|[=({;!&|,?:]|\breturn|\bstd::)\s*(?:(?:system|popen|exec[lv]p?e?|execvpe|posix_spawnp?)\s*\(\s*[^)\s]|v?fork\s*\()"),
     "the relay starts no other program", set()),
]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def allowed(module, is_test):
    """Modules that a file of `module` may include, or None for all."""
    if is_test or module == "app":
        return None
    if module in GROUND:
        return GROUND[module] | {module}
    if module in WALK:
        return set(GROUND) | {module}
    if module in BESIDE:
        return set(GROUND) | BESIDE[module] | {module}
    return set()


def without_comments_and_strings(line):
    line = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
    return line.split("//")[0]


def check_file(path, name, say):
    """`name` is the path below src/."""
    module = name.split("/")[0]
    is_test = name.endswith(("_test.cc", "_test.h", "_fixture.h"))
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if module not in GROUND and module not in WALK and module not in BESIDE:
        say(1, f"'{module}' is no module in the table of tools/check_layers.py")
    lines_max = TEST_LINES_MAX if is_test else LINES_MAX
    if len(lines) > lines_max and name not in LONG:
        say(lines_max + 1, f"{len(lines)} lines: more than {lines_max} usually hold two ideas; split it or give the reason in LONG")
    if name.endswith(".h") and not any(line.strip() == "#pragma once" for line in lines):
        say(1, "#pragma once is missing")
    may = allowed(module, is_test)
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found:
            check_include(name, module, is_test, may, found.group(1), found.group(2), lambda text, n=number: say(n, text))
            continue
        code = without_comments_and_strings(line)
        for pattern, why, exempt in FORBIDDEN:
            if module not in exempt and not is_test and pattern.search(code):
                say(number, f"'{pattern.search(code).group(0).strip()}': {why}")
        if UNFINISHED.search(line):
            say(number, f"'{UNFINISHED.search(line).group(1)}': finish it or file it")


def check_include(name, module, is_test, may, quote, target, say):
    if quote == '"':
        first = target.split("/")[0]
        if target.startswith(".") or "/../" in target or "/" not in target:
            say(f'"{target}": an include is written from src/, as "module/file.h"')
            return
        if is_test and first in ("tests", "bench", "fuzz"):
            return
        if first not in GROUND and first not in WALK and first not in BESIDE:
            say(f'"{target}": no module of ours; another library\'s header goes in <>')
            return
        if "/detail/" in target and first != module:
            say(f'"{target}": detail/ is private to {first}')
        if may is None or first in may:
            return
        if module == "config" and target == f"{first}/config.h":
            return
        say(f'"{target}": {module} may not include {first}')
        return
    if is_test or (name, target) in EXCEPTIONS:
        return
    for pattern, modules in WRAPPED:
        if re.match(pattern, target):
            if modules is not None and module not in modules:
                where = "a test" if not modules else " or ".join(sorted(modules))
                say(f"<{target}>: only {where} may include it")
            return
    if "/" in target and not target.startswith(("sys/", "arpa/")):
        say(f"<{target}>: a library that no module of tools/check_layers.py wraps")


def check_tree(top):
    """All violations below top/src as (path below top, line, message)."""
    violations = []
    src = os.path.join(top, "src")
    count = 0
    for parent, folders, files in os.walk(src):
        folders.sort()
        for file in sorted(files):
            if not file.endswith((".cc", ".h")):
                if file.endswith((".cpp", ".hpp", ".cxx", ".hh", ".c")):
                    violations.append((os.path.relpath(os.path.join(parent, file), top), 1, "sources end in .cc and .h"))
                continue
            count += 1
            path = os.path.join(parent, file)
            shown = os.path.relpath(path, top)
            check_file(path, os.path.relpath(path, src), lambda line, text, f=shown: violations.append((f, line, text)))
    if count == 0:
        violations.append(("src", 1, "no source found"))
    return violations


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    violations = check_tree(top)
    for path, line, text in violations:
        print(f"{path}:{line}: {text}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
