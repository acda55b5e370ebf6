"""Batches and files belong to the account that made them, across restarts; links in replies lead back to Baton."""

import json
import os
import tempfile
import unittest

from rig.relay import Relay, account
from rig.upstream import Upstream
from rig.wire import call

BATCH = {"type": "message_batch", "processing_status": "ended", "request_counts": {"processing": 0, "succeeded": 1}}
LINES = b'{"custom_id":"a","result":{"type":"succeeded"}}\n{"custom_id":"b","result":{"type":"expired"}}\n'


class Vendor:
    """An upstream that keeps batches and files of one account and knows no others."""

    def __init__(self, name):
        self.name, self.objects = name, {}

    async def __call__(self, call):
        parts = call.path.strip("/").split("/")  # v1 messages batches ID results | v1 files ID content
        fields = {"content-type": "application/json", "request-id": "req_" + self.name}
        kind, rest = ("msgbatch", parts[3:]) if parts[1] == "messages" else ("file", parts[2:])
        if call.method == "POST" and not rest:
            new = f"{kind}_{self.name}{len(self.objects)}"
            self.objects[new] = call.body
            return await call.reply(200, fields, self.shown(new, call))
        if not rest:
            data = b",".join(self.shown(o, call) for o in self.objects)
            return await call.reply(200, fields, b'{"data":[%s],"has_more":false,"first_id":null,"last_id":null}' % data)
        if rest[0] not in self.objects:
            return await call.reply(404, fields, b'{"type":"error","error":{"type":"not_found_error","message":"not of this account"}}')
        if rest[1:] == ["results"]:
            return await call.reply(200, {**fields, "content-type": "application/binary"}, LINES)
        if rest[1:] == ["content"]:
            return await call.reply(200, {**fields, "content-type": "application/octet-stream"}, self.objects[rest[0]])
        await call.reply(200, fields, self.shown(rest[0], call))

    def shown(self, name, call):
        if name.startswith("file_"):
            return json.dumps({"id": name, "type": "file", "filename": "x"}).encode()
        url = f"http://{call.one('host')}/v1/messages/batches/{name}/results"
        return b'{ "id":"%s",  "results_url" : "%s", ' % (name.encode(), url.encode()) + json.dumps(BATCH).encode()[1:]


class Objects(unittest.TestCase):
    def setUp(self):
        self.vendors = [Vendor("a"), Vendor("b")]
        self.upstreams = [self.enterContext(Upstream(vendor)) for vendor in self.vendors]
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def relay(self, **more):
        settings = {"data_dir": os.path.join(self.folder, "data"), **more}
        return self.enterContext(Relay([account(u.port, v.name) for u, v in zip(self.upstreams, self.vendors)], settings))

    def make(self, relay, path, body, count=6):
        return [call(relay.port, "POST", path, body).json()["id"] for _ in range(count)]

    def test_every_batch_is_found_again_even_after_a_restart(self):
        relay = self.relay()
        made = self.make(relay, "/v1/messages/batches", b'{"requests":[]}')
        self.assertEqual({name.split("_")[1][0] for name in made}, {"a", "b"}, "both accounts should have been used")
        for _ in range(2):
            for name in made:
                path = f"/v1/messages/batches/{name}"
                self.assertEqual(call(relay.port, "GET", path).json()["id"], name)
                self.assertEqual(call(relay.port, "GET", path + "/results").body, LINES)
                self.assertEqual(call(relay.port, "POST", path + "/cancel").json()["id"], name)
            relay.stop()
            relay = self.relay()

    def test_every_file_is_found_again_even_after_a_restart(self):
        relay = self.relay()
        made = self.make(relay, "/v1/files", b"content of a file")
        relay.stop()
        relay = self.relay()
        for name in made:
            self.assertEqual(call(relay.port, "GET", f"/v1/files/{name}").json()["id"], name)
            self.assertEqual(call(relay.port, "GET", f"/v1/files/{name}/content").body, b"content of a file")
            self.assertEqual(call(relay.port, "DELETE", f"/v1/files/{name}").json()["id"], name)

    def test_results_are_fetched_through_baton(self):
        relay = self.relay()
        reply = call(relay.port, "POST", "/v1/messages/batches", b'{"requests":[]}', host=f"127.0.0.1:{relay.port}")
        name = reply.json()["id"]
        own = f"http://127.0.0.1:{relay.port}/v1/messages/batches/{name}/results"
        self.assertEqual(reply.json()["results_url"], own)
        # Only the link's origin was touched.
        vendor = next(v for v in self.vendors if v.name == name.split("_")[1][0])
        port = self.upstreams[self.vendors.index(vendor)].port
        self.assertEqual(reply.body.replace(f"127.0.0.1:{relay.port}".encode(), f"127.0.0.1:{port}".encode()),
                         b'{ "id":"%s",  "results_url" : "%s", ' % (name.encode(), own.replace(str(relay.port), str(port)).encode()) +
                         json.dumps(BATCH).encode()[1:])
        for method, path in (("GET", f"/v1/messages/batches/{name}"), ("POST", f"/v1/messages/batches/{name}/cancel")):
            self.assertEqual(call(relay.port, method, path, host=f"127.0.0.1:{relay.port}").json()["results_url"], own)
        listed = call(relay.port, "GET", "/v1/messages/batches", host=f"127.0.0.1:{relay.port}").json()
        for item in listed["data"]:
            self.assertTrue(item["results_url"].startswith(f"http://127.0.0.1:{relay.port}/"), item)


if __name__ == "__main__":
    unittest.main()
