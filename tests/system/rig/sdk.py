"""The vendor's SDKs as programs: runs scenarios with one of them and gives what each scenario gave."""

import json
import os
import re
import subprocess

from rig.relay import TOP, clean_environment
from rig.upstream import BLOCK_START, MESSAGE, MESSAGE_START, error_body, event, text_delta, text_stream

CLIENTS = os.path.join(TOP, "build", "clients")
SCENARIOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients")
PYTHON = ("anthropic-2", "anthropic-1", "anthropic-0")
NODE = ("sdk1", "sdk0")
# Asked of the simulator.
SIMULATED = ["message", "unicode", "conversation", "cached", "stream", "stream_final", "tool", "tool_stream", "tool_result", "thinking",
             "thinking_stream", "count_tokens", "models", "no_such_model", "bad_request", "no_such_batch", "batches", "files"]
# Asked of the scripted upstream below.
SCRIPTED = ["errors", "error_in_stream", "cut_stream", "retried", "cancel_stream", "cancel_waiting"]
STATUSES = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
            404: "not_found_error", 409: "conflict_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
            503: "api_error", 504: "timeout_error", 529: "overloaded_error"}


def start(sdk, base_url, key, names):
    """Begins the scenarios; `finish` waits for them."""
    if sdk in NODE:
        command = ["node", os.path.join(SCENARIOS, "scenarios.mjs"), sdk]
    else:
        command = [os.path.join(CLIENTS, sdk, "bin", "python"), os.path.join(SCENARIOS, "scenarios.py")]
    return subprocess.Popen([*command, base_url, key, *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=clean_environment(BATON_CLIENTS=CLIENTS))


def finish(process, seconds=120):
    """{scenario: result}"""
    out, err = process.communicate(timeout=seconds)
    results = {}
    for line in out.splitlines():
        if line.startswith('{"name"'):
            item = json.loads(line)
            results[item["name"]] = item["result"]
    if process.returncode != 0:
        raise AssertionError(f"the client ended with {process.returncode}: {err[-2000:]}")
    return results


def comparable(value):
    """Without what differs between two runs of the same program: ids, times."""
    if isinstance(value, dict):
        return {key: "…" if key in ("id", "request_id", "_request_id", "tool_use_id", "signature") or key.endswith("_at") and item else
                comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\b(req|msg|msgbatch|file|toolu)_[A-Za-z0-9]+", r"\1_…", value)
    return value


class Script:
    """The upstream of the SCRIPTED scenarios: the model's name says what happens."""

    def __init__(self):
        self.asked = {}

    async def __call__(self, call):
        model = json.loads(call.body)["model"]
        self.asked[model] = self.asked.get(model, 0) + 1
        if model.startswith("status-"):
            status = int(model.removeprefix("status-"))
            fields = {"content-type": "application/json", "request-id": f"req_{status}"}
            await call.reply(status, fields, error_body(STATUSES[status], f"scripted {status}"))
        elif model == "error-in-stream":
            await call.stream(MESSAGE_START, BLOCK_START, text_delta("h"),
                              event("error", error_body("overloaded_error", "Overloaded").decode()))
        elif model == "cut-stream":
            await call.begin_stream()
            for piece in (MESSAGE_START, BLOCK_START, text_delta("h")):
                await call.chunk(piece)
            call.end()
        elif model == "second-time" and self.asked[model] % 2 == 1:
            await call.reply(529, {"content-type": "application/json"}, error_body("overloaded_error", "Overloaded"))
        elif model == "endless-stream":
            await call.begin_stream()
            for piece in (MESSAGE_START, BLOCK_START, text_delta("h")):
                await call.chunk(piece)
            await call.gone()
        elif model == "never-answers":
            await call.gone()
        elif b'"stream":true' in call.body or b'"stream": true' in call.body:
            await call.stream(*text_stream("h", "i"))
        else:
            await call.reply(200, {"content-type": "application/json", "request-id": "req_up"}, MESSAGE)
