"""scenarios.py BASE_URL KEY NAME...: the scenarios of scenarios.mjs with the vendor's Python SDK of the environment that runs this."""

import json
import sys
import time

import anthropic

BASE_URL, KEY, *NAMES = sys.argv[1:]
CLIENT = anthropic.Anthropic(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60)
MODEL = "claude-sonnet-5-5"
TOOLS = [{"name": "get_weather", "description": "The weather at a place",
          "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}}]
FILES = CLIENT.files if hasattr(CLIENT, "files") else CLIENT.beta.files


def ask(content, **more):
    return {"model": MODEL, "max_tokens": 48, "messages": [{"role": "user", "content": content}], **more}


def plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", warnings=False)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def failure(error):
    body = getattr(error, "body", None)
    inner = body.get("error", {}) if isinstance(body, dict) else {}
    return {"class": type(error).__name__, "status": getattr(error, "status_code", None), "type": inner.get("type"),
            "message": inner.get("message", str(error)), "request_id": getattr(error, "request_id", None)}


def failing(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        return failure(error)
    return "no error"


def final(**body):
    with CLIENT.messages.stream(**body) as stream:
        return stream.get_final_message()


def cached():
    system = [{"type": "text", "text": "a long text " * 4000, "cache_control": {"type": "ephemeral"}}]
    return [CLIENT.messages.create(**ask("hello", system=system)).usage for _ in range(2)]


def tool_result():
    first = CLIENT.messages.create(**ask("weather in Bern?", tools=TOOLS, tool_choice={"type": "any"}))
    use = next(block for block in first.content if block.type == "tool_use")
    return CLIENT.messages.create(model=MODEL, max_tokens=48, tools=TOOLS, messages=[
        {"role": "user", "content": "weather in Bern?"}, {"role": "assistant", "content": plain(first.content)},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}]}])


def batches():
    requests = [{"custom_id": name, "params": ask(f"for {name}")} for name in ("a", "b")]
    made = CLIENT.messages.batches.create(requests=requests)
    now = made
    for _ in range(200):
        if now.processing_status == "ended":
            break
        time.sleep(0.05)
        now = CLIENT.messages.batches.retrieve(made.id)
    results = sorted(CLIENT.messages.batches.results(made.id), key=lambda line: line.custom_id)
    listed = [batch.id == made.id for batch in CLIENT.messages.batches.list(limit=1)]
    own_results_url = now.results_url.startswith(BASE_URL + "/")
    second = CLIENT.messages.batches.create(requests=requests)
    cancelled = CLIENT.messages.batches.cancel(second.id)
    deleted = CLIENT.messages.batches.delete(made.id)
    gone = failing(CLIENT.messages.batches.retrieve, made.id)
    return {"made": made.processing_status, "ended": {**plain(now), "results_url": own_results_url}, "results": results, "listed": listed,
            "cancelled": cancelled.processing_status, "deleted": deleted.type, "gone": gone}


def files():
    content = bytes((i * 7) & 255 for i in range(100_000))
    made = FILES.upload(file=("bytes.bin", content, "application/octet-stream"))
    back = FILES.download(made.id).read()
    listed = len([file for file in FILES.list() if file.id == made.id])
    metadata = FILES.retrieve_metadata(made.id)
    deleted = FILES.delete(made.id)
    gone = failing(FILES.retrieve_metadata, made.id)
    return {"made": made, "same_bytes": back == content, "listed": listed, "metadata": metadata, "deleted": deleted.type, "gone": gone}


def errors():
    found = {}
    for status in (400, 401, 402, 403, 404, 409, 413, 429, 500, 503, 504, 529):
        body = {**ask("hello"), "model": f"status-{status}"}
        found[str(status)] = failing(CLIENT.messages.create, **body)
        found[f"{status} streamed"] = failing(final, **body)
    return found


def read_stream(model):
    seen = []

    def read():
        for event in CLIENT.messages.create(**{**ask("hello", stream=True), "model": model}):
            seen.append(event.type)

    error = failing(read)
    return seen, error


def error_in_stream():
    seen, error = read_stream("error-in-stream")
    return {"seen": seen, "error": error}


def cut_stream():
    seen, error = read_stream("cut-stream")
    return {"seen": seen, "failed": error != "no error"}


def cancel_stream():
    seen = []
    stream = CLIENT.messages.create(**{**ask("hello", stream=True), "model": "endless-stream"})
    for event in stream:
        seen.append(event.type)
        if event.type == "content_block_delta":
            break
    stream.close()
    return seen


def cancel_waiting():
    impatient = CLIENT.with_options(timeout=0.3)
    return failing(impatient.messages.create, **{**ask("hello"), "model": "never-answers"})


SCENARIOS = {
    "message": lambda: CLIENT.messages.create(**ask("hello")),
    "unicode": lambda: CLIENT.messages.create(**ask('你好 👩‍👩‍👧 ŝ \u2028 "quoted" \\ end')),
    "conversation": lambda: CLIENT.messages.create(model=MODEL, max_tokens=48, system="Be brief.", messages=[
        {"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
        {"role": "user", "content": [{"type": "text", "text": "three"}]}]),
    "cached": cached,
    "stream": lambda: list(CLIENT.messages.create(**ask("hello", stream=True))),
    "stream_final": lambda: final(**ask("hello")),
    "tool": lambda: CLIENT.messages.create(**ask("weather in Bern?", tools=TOOLS, tool_choice={"type": "tool", "name": "get_weather"})),
    "tool_stream": lambda: final(**ask("weather in Bern?", tools=TOOLS, tool_choice={"type": "any"})),
    "tool_result": tool_result,
    "thinking": lambda: CLIENT.messages.create(**{**ask("think"), "max_tokens": 4096, "thinking": {"type": "adaptive"}}),
    "thinking_stream": lambda: final(**{**ask("think"), "max_tokens": 4096, "thinking": {"type": "adaptive"}}),
    "count_tokens": lambda: CLIENT.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "how many tokens are these?"}],
                                                         tools=TOOLS),
    "models": lambda: {"list": [model.id for model in CLIENT.models.list(limit=2)], "one": CLIENT.models.retrieve(MODEL)},
    "no_such_model": lambda: failing(CLIENT.messages.create, **{**ask("hello"), "model": "claude-nope"}),
    "bad_request": lambda: failing(CLIENT.messages.create, model=MODEL, max_tokens=-1, messages=[]),
    "no_such_batch": lambda: failing(CLIENT.messages.batches.retrieve, "msgbatch_nope"),
    "batches": batches,
    "files": files,
    "errors": errors,
    "error_in_stream": error_in_stream,
    "cut_stream": cut_stream,
    "retried": lambda: {"message": CLIENT.with_options(max_retries=2).messages.create(**{**ask("hello"), "model": "second-time"})},
    "cancel_stream": cancel_stream,
    "cancel_waiting": cancel_waiting,
}

for scenario in NAMES:
    try:
        outcome = plain(SCENARIOS[scenario]())
    except Exception as unexpected:
        outcome = {"unexpected": failure(unexpected)}
    print(json.dumps({"name": scenario, "result": outcome}), flush=True)
