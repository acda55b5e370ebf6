"""Traces over OTLP/HTTP: a small collector in the test receives what a relay exports and holds it to the protocol."""

import json
import signal
import unittest

from rig.collector import Collector
from rig.relay import CLIENT_KEY, Relay, account, write_yaml
from rig.upstream import Upstream, answer_message
from rig.wire import call, eventually, message

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TOKEN = "collector-token-canary-5512"


def attributes(span):
    out = {}
    for one in span["attributes"]:
        (kind, value), = one["value"].items()
        out[one["key"]] = int(value) if kind == "intValue" else value
    return out


class Tracing(unittest.TestCase):
    def relay(self, collector, upstream, **tracing):
        return self.enterContext(Relay([account(upstream.port)], {
            "clients": [{"name": "laptop", "key": CLIENT_KEY}],
            "tracing": {"endpoint": f"http://127.0.0.1:{collector.port}", "sample": 1, "headers": {"x-token": TOKEN}, **tracing}}))

    @staticmethod
    def ask(relay, fields=(), text="hello"):
        return call(relay.port, "POST", "/v1/messages", message(text=text), [("x-api-key", CLIENT_KEY), *fields])

    def check_form(self, export):
        """What OTLP's JSON encoding asks for."""
        self.assertEqual(list(export), ["resourceSpans"])
        for resource in export["resourceSpans"]:
            names = {one["key"]: one["value"]["stringValue"] for one in resource["resource"]["attributes"]}
            self.assertEqual(names["service.name"], "baton")
            self.assertTrue(names["service.version"] and names["service.instance.id"])
            for scope in resource["scopeSpans"]:
                self.assertEqual(scope["scope"]["name"], "baton")
                for span in scope["spans"]:
                    self.assertRegex(span["traceId"], r"^[0-9a-f]{32}$")
                    self.assertRegex(span["spanId"], r"^[0-9a-f]{16}$")
                    self.assertNotEqual(int(span["traceId"], 16) * int(span["spanId"], 16), 0)
                    if "parentSpanId" in span:
                        self.assertRegex(span["parentSpanId"], r"^[0-9a-f]{16}$")
                    self.assertIn(span["kind"], (1, 2, 3))
                    self.assertIsInstance(span["startTimeUnixNano"], str)
                    self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
                    self.assertIn(span["status"].get("code", 0), (0, 1, 2))
                    for one in span["attributes"]:
                        (kind, value), = one["value"].items()
                        self.assertIn((kind, type(value)), (("stringValue", str), ("intValue", str), ("boolValue", bool)))

    def test_a_call_and_its_attempt_are_exported_below_the_callers_span(self):
        with Upstream(answer_message) as upstream, Collector(secrets=[TOKEN]) as collector:
            relay = self.relay(collector, upstream, propagate=True)
            self.assertEqual(self.ask(relay, [("traceparent", f"00-{TRACE}-{PARENT}-01")], "canary-prompt-a81f").status, 200)
            eventually(lambda: len(collector.spans()) >= 2, 10, "an export")
            for export in collector.exports:
                self.check_form(export)
            path, fields = collector.fields[0]
            self.assertEqual(path, "/v1/traces")
            self.assertEqual(fields["x-token"], TOKEN)
            self.assertEqual(fields["content-type"], "application/json")
            whole, attempt = collector.spans()
            self.assertEqual((whole["traceId"], whole["parentSpanId"]), (TRACE, PARENT))
            self.assertEqual((attempt["traceId"], attempt["parentSpanId"]), (TRACE, whole["spanId"]))
            told = attributes(whole)
            self.assertEqual(told["gen_ai.operation.name"], "chat")
            self.assertEqual(told["gen_ai.provider.name"], "anthropic")
            self.assertEqual(told["baton.client"], "laptop")
            self.assertEqual(told["http.response.status_code"], 200)
            self.assertEqual(attributes(attempt)["baton.account"], "a")
            self.assertTrue(attributes(attempt)["server.address"].startswith("127.0.0.1"))
            # The vendor is told of the attempt's own span.
            self.assertEqual(upstream.calls[0].one("traceparent"), f"00-{TRACE}-{attempt['spanId']}-01")
            self.assertNotIn("canary", json.dumps(collector.exports))

    def test_who_is_sampled(self):
        with Upstream(answer_message) as upstream, Collector(secrets=[TOKEN]) as collector:
            relay = self.relay(collector, upstream, sample=0)
            for field in (None, f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}", f"00-{TRACE.upper()}-{PARENT}-01", "nonsense"):
                self.assertEqual(self.ask(relay, [] if field is None else [("traceparent", field)]).status, 200)
            self.assertEqual(self.ask(relay, [("traceparent", f"00-{TRACE}-{PARENT}-01")]).status, 200)
            eventually(lambda: collector.spans(), 10, "an export")
            self.assertEqual({span["traceId"] for span in collector.spans()}, {TRACE})
            self.assertEqual(len(collector.spans()), 2)

    def test_an_error_is_told_as_one(self):
        async def overloaded(upstream_call):
            await upstream_call.reply(529, {"content-type": "application/json"},
                                      b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}')
        with Upstream(overloaded) as upstream, Collector(secrets=[TOKEN]) as collector:
            relay = self.relay(collector, upstream)
            self.assertEqual(self.ask(relay, [("x-stainless-timeout", "1")]).status, 529)
            eventually(lambda: collector.spans(), 10, "an export")
            attempts = [span for span in collector.spans() if span["kind"] == 3]
            self.assertTrue(attempts)
            for span in attempts:
                self.assertEqual(attributes(span)["error.type"], "overloaded")
                self.assertEqual(span["status"]["code"], 2)

    def test_a_collector_that_fails_is_tried_again(self):
        with Upstream(answer_message) as upstream, Collector([503, 429], secrets=[TOKEN]) as collector:
            relay = self.relay(collector, upstream)
            self.assertEqual(self.ask(relay).status, 200)
            eventually(lambda: collector.spans(), 15, "an export")
            eventually(lambda: 'baton_trace_calls_total{result="exported"} 1' in relay.admin("/metrics")[1], 5, "the count")

    def test_without_a_collector_calls_are_served_and_the_relay_ends_in_time(self):
        with Upstream(answer_message) as upstream, Collector(secrets=[TOKEN]) as collector:
            gone = collector.port
        with Upstream(answer_message) as upstream:
            relay = self.enterContext(Relay([account(upstream.port)], {"tracing": {"endpoint": f"http://127.0.0.1:{gone}", "sample": 1}}))
            self.assertEqual(call(relay.port, "POST", "/v1/messages", message()).status, 200)
            self.assertEqual(relay.stop(), 0)

    def test_what_is_left_is_exported_at_the_end(self):
        with Upstream(answer_message) as upstream, Collector(secrets=[TOKEN]) as collector:
            relay = self.relay(collector, upstream)
            for _ in range(5):
                self.assertEqual(self.ask(relay).status, 200)
            self.assertEqual(relay.stop(), 0)
            self.assertEqual(len(collector.spans()), 10)

    def test_a_reload_turns_it_on_moves_it_and_turns_it_off(self):
        with Upstream(answer_message) as upstream, Collector(secrets=[TOKEN]) as first, Collector(secrets=[TOKEN]) as second:
            relay = self.enterContext(Relay([account(upstream.port)], {"clients": [{"name": "laptop", "key": CLIENT_KEY}]}))
            with open(relay.config_path, encoding="utf-8") as file:
                plain = file.read()

            def use(settings, revision):
                with open(relay.config_path, "w", encoding="utf-8") as file:
                    file.write(plain + (write_yaml({"tracing": settings}) if settings else ""))
                relay.signal(signal.SIGHUP)
                eventually(lambda: f"revision {revision} is in force" in relay.log(), 10, "the reload")
                self.assertNotIn("tracing", relay.log().split(f"revision {revision} is in force")[1])
                self.assertEqual(self.ask(relay).status, 200)

            def to(collector, **more):
                return {"endpoint": f"http://127.0.0.1:{collector.port}", "sample": 1, "headers": {"x-token": TOKEN}, **more}

            self.assertEqual(self.ask(relay).status, 200)
            use(to(first), 2)
            eventually(lambda: len(first.spans()) == 2, 10, "an export")
            # What the first still holds when the second takes over leaves for the first.
            self.assertEqual(self.ask(relay).status, 200)
            relay.settled_metrics()
            use(to(second, propagate=True), 3)
            self.assertEqual(len(first.spans()), 4)
            eventually(lambda: len(second.spans()) == 2, 10, "an export")
            self.assertTrue(upstream.calls[-1].one("traceparent"))
            relay.settled_metrics()
            use(to(second, sample=0), 4)
            use(None, 5)
            self.assertEqual(self.ask(relay, [("traceparent", f"00-{TRACE}-{PARENT}-01")]).status, 200)
            metrics = relay.settled_metrics()
            self.assertEqual(metrics.value("baton_trace_calls_total", result="exported"), 3)
            self.assertEqual(metrics.value("baton_trace_calls_total"), 3)
            # An endpoint that cannot be used changes nothing.
            with open(relay.config_path, "w", encoding="utf-8") as file:
                file.write(plain + write_yaml({"tracing": to(first, ca_file="/nowhere.pem")}))
            relay.signal(signal.SIGHUP)
            eventually(lambda: "rejected, still on revision 5" in relay.log(), 10, "the refusal")
            self.assertEqual((len(first.spans()), len(second.spans())), (4, 2))

    def test_a_token_does_not_leave_this_host_in_the_clear(self):
        with Upstream(answer_message) as upstream:
            with self.assertRaisesRegex(AssertionError, "tracing.endpoint: must be https beyond this host"):
                Relay([account(upstream.port)], {"tracing": {"endpoint": "http://collector.example:4318", "headers": {"x-token": TOKEN}}})


if __name__ == "__main__":
    unittest.main()
