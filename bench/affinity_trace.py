"""A trace of LLM calls as prompts: which parts calls share, and what their input costs with prompt caches of any number and any way to choose
between them.

A trace is a file of lines {"timestamp": ms, "input_length": tokens, "output_length": tokens, "hash_ids": [one per block of 512 tokens]}.
A call's prompt is cut where another call branches off or ends: these borders are its blocks' (turns of a conversation), and up to four of
them carry a mark, the first and the last three. The first is the system prompt, the others are turns. What is behind the last full block
is nobody else's.
"""

import collections
import hashlib
import json
import math

BLOCK_TOKENS = 512
CACHE_TOKENS_MIN = 1024
LOOKBACK = 20
MARKS_MAX = 4
TTL = 300.0
TOKENS_PER_MESSAGE = 3
READ, WRITE = 0.1, 1.25


class Call:
    """`borders`: [(node, tokens up to here)] of the units; `marks`: indexes into them; `tail`: tokens behind the last."""

    __slots__ = ("at", "blocks", "borders", "cuts", "marks", "tail", "tokens")


def read_calls(path, calls_max=None):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    rows = rows[:calls_max]
    child, children, ends, paths = {}, collections.Counter(), set(), []
    for row in rows:
        node, path_nodes = 0, []
        for block in row["hash_ids"][: row["input_length"] // BLOCK_TOKENS]:
            step = (node, block)
            if step not in child:
                child[step] = len(child) + 1
                children[node] += 1
            node = child[step]
            path_nodes.append(node)
        ends.add(node)
        paths.append(path_nodes)
    calls = []
    for row, nodes in zip(rows, paths):
        call = Call()
        call.at = row["timestamp"] / 1000
        call.blocks = row["hash_ids"][: len(nodes)]
        call.cuts = [i + 1 for i, node in enumerate(nodes) if children[node] > 1 or node in ends]
        call.tail = max(1, row["input_length"] - len(nodes) * BLOCK_TOKENS)
        call.borders, tokens, before = [], 0, 0
        for cut in call.cuts:
            tokens += (cut - before) * BLOCK_TOKENS + (TOKENS_PER_MESSAGE if before else 0)
            before = cut
            call.borders.append((nodes[cut - 1], tokens))
        count = len(call.cuts)
        call.marks = list(range(count)) if count <= MARKS_MAX else [0, *range(count - MARKS_MAX + 1, count)]
        call.tokens = tokens + call.tail + TOKENS_PER_MESSAGE
        calls.append(call)
    return calls


class Cache:
    """One workspace's prompt cache, by the vendor's rules."""

    def __init__(self):
        self.until = {}

    def held(self, call, now):
        """How many units of the prompt can be read."""
        for mark in reversed(call.marks):
            for unit in range(mark, max(-1, mark - LOOKBACK), -1):
                if self.until.get(call.borders[unit][0], -1.0) > now:
                    return unit + 1
        return 0

    def use(self, call, now):
        """(plain, read, written) tokens."""
        units = self.held(call, now)
        read = call.borders[units - 1][1] if units else 0
        if units:
            self.until[call.borders[units - 1][0]] = now + TTL
        covered = read
        for mark in call.marks:
            node, tokens = call.borders[mark]
            if tokens < CACHE_TOKENS_MIN:
                continue
            if mark >= units:
                covered = tokens
            if mark >= units or self.until.get(node, -1.0) > now:
                self.until[node] = now + TTL
        return call.tokens - covered, read, covered - read


class Bill:
    """Sums of what was used, by account and minute of the trace."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.plain = self.read = self.written = 0
        self.minutes = collections.defaultdict(lambda: [0] * accounts)

    def add(self, at, account, plain, read, written):
        self.plain += plain
        self.read += read
        self.written += written
        self.minutes[int(at // 60)][account] += plain + written

    @property
    def cost(self):
        """Next to the same input without any cache."""
        return (self.plain + READ * self.read + WRITE * self.written) / (self.plain + self.read + self.written)

    @property
    def hits(self):
        return self.read / (self.plain + self.read + self.written)

    @property
    def imbalance(self):
        """Mean over the minutes of the most charged tokens of an account next to the mean of all accounts."""
        shares = [max(row) * self.accounts / sum(row) for row in self.minutes.values() if sum(row)]
        return sum(shares) / len(shares)


def offline(calls, accounts, choose):
    """`choose(caches, call, number)` gives the account."""
    caches = [Cache() for _ in range(accounts)]
    bill = Bill(accounts)
    for number, call in enumerate(calls):
        account = choose(caches, call, number)
        bill.add(call.at, account, *caches[account].use(call, call.at))
    return bill


def round_robin(caches, call, number):
    return number % len(caches)


def one_cache(calls):
    """No choice of accounts can cost less: every call finds what any call before it wrote."""
    return offline(calls, 1, lambda caches, call, number: 0)


def by_session(caches, call, number):
    """Rendezvous of the conversation's first turn, and nothing else."""
    key = call.borders[min(1, len(call.borders) - 1)][0] if call.borders else -number
    return max(range(len(caches)), key=lambda account: hashlib.blake2b(f"{key}:{account}".encode(), digest_size=8).digest())


def write_admission(calls):
    """One cache where a prefix is only written if it will be read again in time: what a perfect foresight would save."""
    reads = collections.defaultdict(list)  # node: times at which a prompt holds it
    for call in calls:
        for node, _ in call.borders:
            reads[node].append(call.at)
    cache, bill = Cache(), Bill(1)
    place = collections.Counter()
    for call in calls:
        for node, _ in call.borders:
            place[node] += 1
        worth = [mark for mark in call.marks
                 if place[call.borders[mark][0]] < len(reads[call.borders[mark][0]])
                 and reads[call.borders[mark][0]][place[call.borders[mark][0]]] - call.at < TTL]
        all_marks, call.marks = call.marks, worth
        units = 0
        for mark in reversed(all_marks):
            call.marks = [mark]
            units = max(units, cache.held(call, call.at))
        call.marks = sorted(set(worth) | ({units - 1} if units else set()))
        bill.add(call.at, 0, *cache.use(call, call.at))
        call.marks = all_marks
    return bill


def text_of(block, tokens):
    """Text that is counted as so many tokens (a quarter of its bytes), the same for the same block."""
    word = f"{block:x}-"
    return (word * math.ceil(4 * tokens / len(word)))[: 4 * tokens]


def body_of(call, number, model, texts):
    """The call as a request body. `texts` keeps the blocks' texts."""
    parts, system = [], ""
    before = 0
    for unit, cut in enumerate(call.cuts):
        text = "".join(texts.setdefault(block, text_of(block, BLOCK_TOKENS)) for block in call.blocks[before:cut])
        mark = ',"cache_control":{"type":"ephemeral"}' if unit in call.marks else ""
        block = f'[{{"type":"text","text":"{text}"{mark}}}]'
        if before == 0:
            system = f'"system":{block},'
        else:
            parts.append(f'{{"role":"{"user" if unit % 2 else "assistant"}","content":{block}}}')
        before = cut
    tail = text_of(0x10000000 + number, call.tail)
    parts.append(f'{{"role":"user","content":"{tail}"}}')
    return f'{{"model":"{model}","max_tokens":1,{system}"messages":[{",".join(parts)}]}}'.encode()
