#!/usr/bin/env python3
"""Deliberately wrong relays, and whether the simulation notices: `./dev sim --mutants [NAME...]`.

A mutant is a few replaced lines of the sources (MUTANTS). Its files are compiled as they are for the tests and linked in
front of the library that has the right ones; then the simulation's tests and the transcripts run until one fails. A
mutant that passes all of them is reported, and the exit code is 1. mutants_test.py sees to it that every line to be
replaced is still there.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import re
import shlex
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "test")
FILTER = "*Simulation*:BudgetTest*:MoneyTest*:SignedTest*:*Transcript*"
SHORT = {"BATON_SIM_SEEDS": "30", "BATON_SIM_HOURS": "6"}  # what finds a mutant is mostly a test of its own
SECONDS_MAX = 300  # of one mutant's tests; one that hangs is noticed too


@dataclasses.dataclass
class Edit:
    file: str
    old: str
    new: str


MUTANTS = {
    "a retry after the first byte": [
        Edit("src/relay/serve.cc", "  co_await deliver(parts_, call, **answer);\n",
             "  co_await deliver(parts_, call, **answer);\n"
             "  if (call.outcome.ending == model::Ending::kUpstreamCut) {\n"
             "    answer = co_await attempt_all(parts_, call);\n"
             "    if (answer) co_await deliver(parts_, call, **answer);\n"
             "  }\n"),
        Edit("src/relay/deliver.cc", "    exchange.release_request();\n", ""),
        Edit("src/relay/deliver.cc", "  exchange.close_after();\n  if (answer.follower && answer.event_stream",
             "  if (answer.event_stream && call.outcome.attempts.size() < 2) co_return;\n"
             "  exchange.close_after();\n  if (answer.follower && answer.event_stream"),
    ],
    "a lease that is not given back": [
        Edit("src/accounts/pool.cc", "  state.in_flight.fetch_sub(1, kRelaxed);\n", "  (void)state;\n"),
    ],
    "a budget's reservation that is not given back": [
        Edit("src/ledger/purse.cc", "  give_back(taken);\n  if (cost > 0)", "  if (cost > 0)"),
    ],
    "a possibly processed call repeated without end": [
        Edit("src/relay/attempt.cc", "  if (verdict.next == Next::kOnceMore && repeated_) return false;\n", ""),
    ],
    "a creating call repeated": [
        Edit("src/relay/attempt.cc", "  if (!call_.repeatable() && !(tried.unsent() && !source_.touched())) return false;\n",
             ""),
    ],
    "a call that is closed twice": [
        Edit("src/relay/serve.cc", "  close(call);\n}", "  close(call);\n  close(call);\n}"),
    ],
    "a ping inside an event": [
        Edit("src/stream/pump.cc", "!over() && parts.follower->may_speak();", "!over();"),
    ],
    "a stream without its end that ends cleanly": [
        Edit("src/relay/deliver.cc", "  if (result.end == PumpEnd::kEnded && stream_whole) {",
             "  if (result.end == PumpEnd::kEnded || stream_whole) {"),
    ],
    "usage added up instead of replaced": [
        Edit("src/stream/usage_tap.cc", "    figure = *value;\n", "    figure += *value;\n"),
    ],
    "the client's leaving not noticed": [
        Edit("src/edge/exchange.cc", "    stream_->hangup.stand(watch_, runtime::kPeerGone);\n", ""),
    ],
    "reading on while the client does not": [
        Edit("src/stream/pump.cc", "    const bool wants_read = !ended && (parts.writer.pending() == 0 ||\n",
             "    const bool wants_read = !ended && (true || parts.writer.pending() == 0 ||\n"),
    ],
    "surplus bytes left on a pooled connection": [
        Edit("src/upstream/sender.cc", "whole_request_sent && body.surplus().empty() && keep_alive",
             "whole_request_sent && keep_alive"),
        Edit("src/upstream/connection_pool.cc", "  return !stream.can_read() || ", "  return true || "),
    ],
    "the caller's key sent upstream": [
        Edit("src/upstream/heads.cc", "    case FieldId::kAnthropicOwner: return own_credential;",
             "    case FieldId::kAnthropicOwner: return own_credential || true;"),
    ],
    "an account asked again inside its retry-after": [
        Edit("src/accounts/pool.cc", "      allowance.bench(now + wait);\n", "      (void)wait;\n"),
    ],
    "a body's share of the memory that is not given back": [
        Edit("src/edge/exchange.cc", "  body_ = {};\n  share_.release();\n",
             "  body_ = {};\n  new BudgetShare(std::move(share_));\n"),
    ],
    "a kept answer given to another tenant": [
        Edit("src/relay/kept.cc", "  return digester.digest({.tenant = call.caller.name,", "  return digester.digest({.tenant = {},"),
    ],
    "a stream without its last event kept as an answer": [
        Edit("src/relay/kept.cc", "  if (!on_ || !facts.message_stop || facts.error_event || facts.unread > 0) return;",
             "  if (!on_) return;"),
    ],
    "a signed request taken twice": [
        Edit("src/auth/nonce_file.cc", "  if (known(mark)) return used();\n", ""),
        Edit("src/auth/nonce_file.cc", "  if (!first) return used();\n", "  if (!first) return {};\n"),
    ],
    "the slower one of two attempts not ended": [
        Edit("src/relay/race.cc", "  if (client.cancelled() || second_.good()) first_.cancel.cancel(runtime::CancelReason::kClientGone);\n", ""),
    ],
}


def mutate(edits):
    """{file: its mutated text}."""
    texts = {}
    for edit in edits:
        if edit.file not in texts:
            with open(os.path.join(ROOT, edit.file), encoding="utf-8") as source:
                texts[edit.file] = source.read()
        found = texts[edit.file].count(edit.old)
        if found != 1:
            raise ValueError(f"{edit.file}: the lines to be replaced are there {found} times: {edit.old!r}")
        texts[edit.file] = texts[edit.file].replace(edit.old, edit.new)
    return texts


def commands(*targets):
    done = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", *targets], check=True, capture_output=True, text=True)
    return [shlex.split(line) for line in done.stdout.splitlines()]


def command_of(all_commands, wanted):
    return list(next(command for command in all_commands if wanted(command)))


def run(command):
    done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")


def build(name, edits, all_commands):
    """The mutant's tests; returns their path."""
    folder = os.path.join(ROOT, "build", "mutants", re.sub(r"\W+", "-", name))
    os.makedirs(folder, exist_ok=True)
    objects = []
    for file, text in mutate(edits).items():
        source = os.path.join(folder, os.path.basename(file))
        with open(source, "w", encoding="utf-8") as out:
            out.write(text)
        original = os.path.join(ROOT, file)
        compile_it = command_of(all_commands, lambda command: original in command and "-c" in command)
        objects.append(source + ".o")
        compile_it[compile_it.index("-o") + 1] = objects[-1]
        compile_it[compile_it.index(original)] = source
        if "-MF" in compile_it:  # else the build would take it for what the right one is made of
            compile_it[compile_it.index("-MF") + 1] = source + ".d"
        run([*compile_it, "-Wno-error", "-Wno-unused"])
    tests = os.path.join(folder, "baton_tests")
    # In front of the library, so that nothing asks it for the right ones.
    link = command_of(all_commands, lambda command: "-o" in command and command[command.index("-o") + 1] == "baton_tests")
    if link[0] == ":":
        link = link[link.index("&&") + 1:]
    if "&&" in link:
        link = link[:link.index("&&")]
    at = link.index("-o")
    link[at + 1] = tests
    run(link[:at] + objects + link[at:])
    return tests


def verdict(tests):
    """The name of the test that failed, "it hangs" or how it dies, or None when all passed."""
    try:
        done = subprocess.run([tests, "--gtest_filter=" + FILTER, "--gtest_fail_fast", "--gtest_brief=1"], cwd=ROOT,
                              capture_output=True, text=True, errors="replace", timeout=SECONDS_MAX, check=False,
                              env={**os.environ, **SHORT})
    except subprocess.TimeoutExpired:
        return "its hanging"
    if done.returncode == 0:
        return None
    failed = re.search(r"^\[  FAILED  \] (\S+)", done.stdout, re.MULTILINE)
    return failed.group(1).rstrip(",") if failed else f"its end ({(done.stderr.strip().splitlines() or ['a signal'])[-1]})"


def line_about(name, edits, all_commands):
    """(whether it is caught, what is said of it)."""
    started = time.monotonic()
    try:
        tests = build(name, edits, all_commands)
    except ValueError as error:
        return False, f"NOT BUILT: {name}\n{error}"
    failed = verdict(tests)
    os.remove(tests)
    took = f" ({time.monotonic() - started:.0f} s)"
    return bool(failed), (f"caught: {name}, by {failed}" if failed else f"NOT CAUGHT: {name}") + took


def main():
    parser = argparse.ArgumentParser(prog="./dev sim --mutants", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", help="only mutants whose name contains one of these")
    options = parser.parse_args()
    chosen = {name: edits for name, edits in MUTANTS.items()
              if not options.names or any(part in name for part in options.names)}
    if not chosen:
        parser.error("there is no such mutant")
    all_commands = commands("baton_tests")
    failed = verdict(os.path.join(BUILD, "baton_tests"))
    if failed is not None:
        print(f"the relay as it is fails {failed}")
        return 1
    caught = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as two:
        for good, said in two.map(lambda one: line_about(*one, all_commands), chosen.items()):
            caught += good
            print(said, flush=True)
    print(f"{caught} of {len(chosen)} mutants are caught")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
