"""One test per scenario and SDK: what it gives through Baton equals what it gives directly, and is what the scenario is about."""

import unittest

from rig import sdk as sdks
from rig.relay import CLIENT_KEY, Relay, Simulator, account, wait_until_at_rest
from rig.upstream import Upstream
from rig.wire import eventually

SIMULATION = {"seed": 7, "first_token": "5ms", "per_token": "1ms", "batch_duration": "300ms"}


def text_of(message):
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def kinds(message):
    return [block["type"] for block in message["content"]]


# What must be seen in a result, so that two equal failures are not taken for success. Each gives a truth.
EXPECTED = {
    "message": lambda r: text_of(r) and r["stop_reason"] and r["usage"]["output_tokens"] > 0,
    "unicode": lambda r: text_of(r) and r["usage"]["input_tokens"] > 0,
    "conversation": lambda r: text_of(r),
    "cached": lambda r: r[0]["cache_creation_input_tokens"] > 1000 and r[1]["cache_read_input_tokens"] > 1000,
    "stream": lambda r: r[0]["type"] == "message_start" and r[-1]["type"] == "message_stop" and len(r) > 5,
    "stream_final": lambda r: text_of(r) and r["usage"]["output_tokens"] > 0,
    "tool": lambda r: "tool_use" in kinds(r) and r["stop_reason"] == "tool_use",
    "tool_stream": lambda r: "tool_use" in kinds(r) and r["stop_reason"] == "tool_use",
    "tool_result": lambda r: r["role"] == "assistant" and r["content"],
    "thinking": lambda r: kinds(r)[0] == "thinking" and text_of(r),
    "thinking_stream": lambda r: kinds(r)[0] == "thinking" and text_of(r),
    "count_tokens": lambda r: r["input_tokens"] > 5,
    "models": lambda r: len(r["list"]) > 2 and r["one"]["id"] == "claude-sonnet-5-5",
    "no_such_model": lambda r: (r["status"], r["class"], r["type"]) == (404, "NotFoundError", "not_found_error"),
    "bad_request": lambda r: (r["status"], r["class"], r["type"]) == (400, "BadRequestError", "invalid_request_error"),
    "no_such_batch": lambda r: (r["status"], r["class"], r["type"]) == (404, "NotFoundError", "not_found_error"),
    "batches": lambda r: (r["ended"]["processing_status"], r["ended"]["results_url"], r["deleted"], r["gone"]["status"]) ==
                         ("ended", True, "message_batch_deleted", 404) and
                         [line["result"]["type"] for line in r["results"]] == ["succeeded", "succeeded"],
    "files": lambda r: (r["same_bytes"], r["listed"], r["deleted"], r["gone"]["status"]) == (True, 1, "file_deleted", 404),
    "errors": lambda r: len(r) == 24 and all(r[str(s)]["status"] == s and r[f"{s} streamed"]["status"] == s and
                                             r[str(s)]["type"] == kind and r[str(s)]["request_id"] == f"req_{s}"
                                             for s, kind in sdks.STATUSES.items()),
    "error_in_stream": lambda r: r["error"]["type"] == "overloaded_error" and "content_block_delta" in r["seen"],
    "cut_stream": lambda r: r["failed"] and r["seen"][-1] == "content_block_delta",
    "retried": lambda r: text_of(r["message"]) == "hi",
    "cancel_stream": lambda r: r[-1] == "content_block_delta",
    "cancel_waiting": lambda r: r["class"] in ("APIUserAbortError", "APITimeoutError"),
}


class Case(unittest.TestCase):
    """`results` is (directly, through Baton), both {scenario: result}."""

    def __init__(self, sdk, scenario, results):
        super().__init__("compare")
        self.sdk, self.scenario, self.results = sdk, scenario, results
        self.maxDiff = 4000

    def id(self):
        return f"{self.sdk}: {self.scenario}"

    def compare(self):
        direct, relayed = (side.get(self.scenario, "no result") for side in self.results(self.sdk))
        self.assertNotIn("unexpected", relayed, relayed)
        self.assertTrue(EXPECTED[self.scenario](relayed), relayed)
        self.assertEqual(sdks.comparable(relayed), sdks.comparable(direct))


class Runs:
    """Both sides of every SDK: each SDK has its own simulators, started with the same seed and asked in the same order."""

    def __init__(self):
        self.done = {}

    def __call__(self, sdk):
        if sdk not in self.done:
            self.done[sdk] = self.run(sdk)
            if isinstance(self.done[sdk], Exception):
                raise self.done[sdk]
        elif isinstance(self.done[sdk], Exception):
            raise AssertionError("the run failed, see the SDK's first scenario")
        return self.done[sdk]

    @staticmethod
    def run(sdk):
        try:
            with Simulator(SIMULATION) as near, Simulator(SIMULATION) as far, Upstream(sdks.Script()) as scripted:
                clients = {"clients": [{"name": "tests", "key": CLIENT_KEY}]}
                with Relay([account(far.port)], clients) as to_simulator, Relay([account(scripted.port)], clients) as to_script:
                    running = [sdks.start(sdk, near.url, "any", sdks.SIMULATED), sdks.start(sdk, to_simulator.url, CLIENT_KEY, sdks.SIMULATED)]
                    direct, relayed = (sdks.finish(process) for process in running)
                    direct |= sdks.finish(sdks.start(sdk, scripted.url, "any", sdks.SCRIPTED))
                    eventually(lambda: scripted.open_connections == 0, what="the direct client's connections closed")
                    relayed |= sdks.finish(sdks.start(sdk, to_script.url, CLIENT_KEY, sdks.SCRIPTED))
                    wait_until_at_rest(to_script)
                    wait_until_at_rest(to_simulator)
                    eventually(lambda: not any(c.closed is False and c.body and b"never-answers" in c.body for c in scripted.calls),
                               what="the cancelled calls' upstream connections closed")
            return direct, relayed
        except Exception as error:
            return error


def sdk_cases(lines):
    """A load_tests function for these SDK lines."""

    def load_tests(loader, tests, pattern):
        runs = Runs()
        return unittest.TestSuite(Case(sdk, scenario, runs) for sdk in lines for scenario in sdks.SIMULATED + sdks.SCRIPTED)

    return load_tests
