import json
import os
import tempfile
import unittest

import affinity_trace as trace


def calls_of(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for at, tokens, blocks in rows:
                file.write(json.dumps({"timestamp": at * 1000, "input_length": tokens, "output_length": 1, "hash_ids": blocks}) + "\n")
        return trace.read_calls(path)


class Trace(unittest.TestCase):
    def test_prompts_are_cut_where_others_branch_off_or_end(self):
        calls = calls_of([(0, 2100, [1, 2, 3, 4, 5]), (1, 1600, [1, 2, 9, 10]), (2, 1024, [1, 2])])
        self.assertEqual([call.cuts for call in calls], [[2, 4], [2, 3], [2]])
        self.assertEqual(calls[0].tail, 2100 - 4 * 512)
        self.assertEqual(calls[0].borders[0][0], calls[1].borders[0][0])

    def test_a_body_has_the_tokens_of_its_call_and_shares_its_beginning(self):
        calls = calls_of([(0, 2100, [1, 2, 3, 4, 5]), (1, 1600, [1, 2, 9, 10])])
        first, second = (json.loads(trace.body_of(call, number, "m", {})) for number, call in enumerate(calls))
        self.assertEqual(first["system"], second["system"])
        self.assertNotEqual(first["messages"][0], second["messages"][0])
        for body, call in ((first, calls[0]), (second, calls[1])):
            texts = [block["text"] for block in body["system"]]
            for message in body["messages"]:
                content = message["content"]
                texts += [content] if isinstance(content, str) else [block["text"] for block in content]
            tokens = sum((len(text) + 3) // 4 for text in texts) + trace.TOKENS_PER_MESSAGE * len(body["messages"])
            self.assertEqual(tokens, call.tokens)

    def test_no_more_than_four_borders_are_marked(self):
        rows = [(i, 512 * (i + 1) + 7, list(range(i + 2))) for i in range(8)]
        last = calls_of(rows)[-1]
        self.assertEqual(len(last.cuts), 8)
        self.assertEqual(last.marks, [0, 5, 6, 7])


class Caches(unittest.TestCase):
    rows = [(0, 4100, list(range(9))), (10, 4100, list(range(9))), (400, 4100, list(range(9)))]

    def test_what_was_written_is_read_until_it_expires(self):
        bill = trace.one_cache(calls_of(self.rows))
        self.assertEqual((bill.written, bill.read), (2 * 4096, 4096))

    def test_two_caches_know_nothing_of_each_other(self):
        bill = trace.offline(calls_of(self.rows), 2, trace.round_robin)
        self.assertEqual((bill.written, bill.read), (3 * 4096, 0))
        self.assertEqual(bill.imbalance, 1.5)  # even in the first minute, one of two in the other

    def test_foresight_writes_only_what_is_read(self):
        bill = trace.write_admission(calls_of(self.rows))
        self.assertEqual((bill.written, bill.read), (4096, 4096))

    def test_short_prefixes_are_not_cached(self):
        bill = trace.one_cache(calls_of([(0, 520, [1, 2]), (1, 520, [1, 2])]))
        self.assertEqual((bill.written, bill.read, bill.plain), (0, 0, bill.plain))
        self.assertEqual(bill.cost, 1)


if __name__ == "__main__":
    unittest.main()
