// Traces: what a call leaves in them, what the vendor is told, and what becomes of them when the collector fails.
#include <gtest/gtest.h>
#include <simdjson.h>

#include "runtime/wait.h"
#include "tests/simulation/world.h"
#include "trace/exporter.h"
#include "trace/spans.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Script call(std::string more = "") {
  return {.fields =
              "host: 127.0.0.1\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: "
              "sk-ant-canary-of-the-client\r\n" +
              more,
          .body = World::body(false, "canary-prompt"),
          .default_fields = false};
}

std::string span_text(const model::SpanId& id) { return hex(id); }

// The spans of one export, each by its attributes' text.
struct Span {
  std::string name, trace, id, parent;
  int64_t kind = 0, start = 0, end = 0, status = 0;
  std::map<std::string, std::string> attributes;
};

std::vector<Span> read(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(body);
  const auto document = parser.parse(padded);
  EXPECT_FALSE(document.error()) << body;
  std::vector<Span> out;
  for (const auto span : document["resourceSpans"].at(0)["scopeSpans"].at(0)["spans"]) {
    Span& one = out.emplace_back();
    const auto text = [&](const char* key) {
      std::string_view value;
      return span[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
    };
    one.name = text("name");
    one.trace = text("traceId");
    one.id = text("spanId");
    one.parent = text("parentSpanId");
    one.kind = int64_t(span["kind"]);
    one.start = std::stoll(text("startTimeUnixNano"));
    one.end = std::stoll(text("endTimeUnixNano"));
    (void)span["status"]["code"].get(one.status);
    for (const auto attribute : span["attributes"]) {
      std::string value = simdjson::minify(attribute["value"]);
      one.attributes[std::string(std::string_view(attribute["key"]))] = value.substr(value.find(':') + 1);
      one.attributes[std::string(std::string_view(attribute["key"]))].pop_back();
    }
  }
  return out;
}

TEST(TraceSimulation, ACallIsASpanWithOneForEachAttempt) {
  const model::TraceRules rules{.sample = 0};
  World world({.accounts = 2, .scripted = true, .tracing = &rules});
  const std::string message =
      R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5-x","content":[],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":100,"cache_creation_input_tokens":20}})";
  world.upstreams.next(0, Reply::json(529, "{}"));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, Reply::json(200, message));
  // Until the turn is the first account's.
  for (int i = 0; i < 4 && world.upstreams.asked.size() == world.outcomes.size(); ++i) {
    world.outcomes.clear();
    world.upstreams.asked.clear();
    ASSERT_EQ(world.play(call("traceparent: " + std::string(kParent) + "\r\n")).status, 200);
  }
  const model::Outcome& outcome = world.outcomes[0];
  ASSERT_TRUE(outcome.trace.sampled);
  const std::string body = trace::export_body(world.outcomes, {.version = "1", .instance = "i"});
  EXPECT_EQ(body.find("canary"), std::string::npos) << body;
  EXPECT_EQ(body.find(World::key(0)), std::string::npos);
  const std::vector<Span> spans = read(body);
  ASSERT_EQ(spans.size(), 1 + outcome.attempts.size());
  ASSERT_GE(spans.size(), 3u);
  const Span& whole = spans[0];
  EXPECT_EQ(whole.name, "chat claude-sonnet-5-5");
  EXPECT_EQ(whole.trace, kParent.substr(3, 32));
  EXPECT_EQ(whole.parent, kParent.substr(36, 16));
  EXPECT_EQ(whole.id, span_text(outcome.trace.span));
  EXPECT_EQ(whole.kind, 2);
  EXPECT_EQ(whole.status, 0);
  const std::map<std::string, std::string> want = {{"gen_ai.operation.name", "\"chat\""},
                                                   {"gen_ai.provider.name", "\"anthropic\""},
                                                   {"gen_ai.request.model", "\"claude-sonnet-5-5\""},
                                                   {"gen_ai.response.model", "\"claude-sonnet-5-5-x\""},
                                                   {"gen_ai.usage.input_tokens", "\"130\""},
                                                   {"gen_ai.usage.output_tokens", "\"5\""},
                                                   {"gen_ai.usage.cache_read.input_tokens", "\"100\""},
                                                   {"http.request.method", "\"POST\""},
                                                   {"http.response.status_code", "\"200\""},
                                                   {"url.path", "\"/v1/messages\""}};
  for (const auto& [key, value] : want) EXPECT_EQ(whole.attributes.at(key), value) << key;
  EXPECT_TRUE(whole.attributes.at("server.address").starts_with("\"upstream-"));
  EXPECT_FALSE(whole.attributes.contains("error.type"));
  std::set<std::string> ids{whole.id};
  for (size_t i = 1; i < spans.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_TRUE(ids.insert(spans[i].id).second);
    EXPECT_EQ(spans[i].trace, whole.trace);
    EXPECT_EQ(spans[i].parent, whole.id);
    EXPECT_EQ(spans[i].kind, 3);
    EXPECT_GE(spans[i].start, whole.start);
    EXPECT_LE(spans[i].end, whole.end);
    const bool last = i + 1 == spans.size();
    EXPECT_EQ(spans[i].attributes.contains("error.type"), !last);
    EXPECT_EQ(spans[i].status, last ? 0 : 2);
  }
  EXPECT_EQ(spans[1].attributes.at("error.type"), "\"overloaded\"");
  EXPECT_EQ(spans[2].attributes.at("http.request.resend_count"), "\"1\"");
}

TEST(TraceSimulation, TheVendorIsToldOnlyWhereThatIsAsked) {
  for (const bool propagate : {false, true}) {
    SCOPED_TRACE(propagate);
    const model::TraceRules rules{.sample = 1, .propagate = propagate};
    World world({.scripted = true, .tracing = &rules});
    world.upstreams.always(0, Reply::json(200, "{}"));
    world.play(call());
    world.play(call("Traceparent: " + std::string(kParent) + "\r\n"));
    ASSERT_EQ(world.upstreams.asked.size(), 2u);
    const std::string& fresh = world.upstreams.asked[0].head;
    const std::string& child = world.upstreams.asked[1].head;
    if (!propagate) {
      EXPECT_EQ(fresh.find("traceparent"), std::string::npos) << fresh;
      EXPECT_NE(child.find(kParent), std::string::npos) << "what the client sends of its own passes as ever";
      continue;
    }
    for (size_t i = 0; i < 2; ++i) {
      const auto& trace = world.outcomes[i].trace;
      const std::string own = model::traceparent(trace.trace, model::span_of_part(trace, 1), true);
      EXPECT_NE(world.upstreams.asked[i].head.find("traceparent: " + own + "\r\n"), std::string::npos);
    }
    EXPECT_EQ(child.find(kParent.substr(36, 16)), std::string::npos) << child;
    EXPECT_NE(child.find(kParent.substr(3, 32)), std::string::npos) << "the same trace";
  }
}

TEST(TraceSimulation, WithoutRulesNothingIsTraced) {
  World world({});
  world.play(call("traceparent: " + std::string(kParent) + "\r\n"));
  EXPECT_FALSE(world.outcomes[0].trace.any());
  EXPECT_FALSE(world.outcomes[0].trace.sampled);
  EXPECT_TRUE(world.outcomes[0].attempts[0].server.empty());
}

// An exporter beside a scripted collector.
class ExporterTest : public testing::Test {
 protected:
  static model::Outcome outcome() {
    model::Outcome out;
    out.trace = model::begin_trace(kParent, 1, {}, 0, {1, 2, 3});
    return out;
  }
  static runtime::Task<void> sleep_until(runtime::Loop& loop, Instant until) {
    co_await runtime::sleep_until(loop, until);
  }
  void run(Duration how_long) {
    runtime::TaskGroup tasks;
    runtime::Cancellation cancel;
    tasks.spawn(exporter_.run(cancel));
    const Instant until = loop_.now() + how_long;
    tasks.spawn(sleep_until(loop_, until));  // so that virtual time stops there
    loop_.run_until([&] { return loop_.now() >= until || (done && done()); });
    cancel.cancel(runtime::CancelReason::kDrain);
    loop_.run_until([&] { return tasks.size() == 0; });
    ended_ = loop_.now();
    pool_.close_idle();
    int turns = 0;
    loop_.run_until([&] { return collector_.settled() || ++turns > 10'000; });
  }

  runtime::VirtualClock clock_;
  VirtualPoller poller_{clock_};
  runtime::Loop loop_{clock_, poller_};
  runtime::Random random_{1};
  Weather weather_;
  ScriptedUpstreams collector_{loop_};
  MemoryDialer dialer_{random_, weather_, [this](StreamPair& pair) { collector_.adopt(std::move(pair.b), 0); }};
  upstream::Config upstream_;
  metrics::RelayMetrics metrics_{{.accounts = {}, .loops = 1, .version = "1"}};
  upstream::ConnectionPool pool_{loop_, dialer_, upstream_, metrics_.shard(0)};
  upstream::Endpoint endpoint_ = *upstream::parse_endpoint("http://collector:4318");
  trace::Config config_{.headers = {{"x-token", Secret("t0ken")}}, .queue_calls_max = 600};
  metrics::TraceCounts counts_;
  trace::Exporter exporter_{{.loop = loop_,
                             .connections = pool_,
                             .endpoint = endpoint_,
                             .config = config_,
                             .counts = counts_,
                             .version = "1",
                             .instance = "i"}};
  std::function<bool()> done;
  Instant ended_{};
};

TEST_F(ExporterTest, BatchesAreSentAndTheQueueIsBounded) {
  collector_.always(0, Reply::json(200, "{}"));
  for (int i = 0; i < 650; ++i) exporter_.offer(outcome());
  model::Outcome unsampled = outcome();
  unsampled.trace.sampled = false;
  exporter_.offer(unsampled);
  run(5s);
  EXPECT_EQ(counts_.exported.load(), 600u);
  EXPECT_EQ(counts_.dropped_full.load(), 50u);
  EXPECT_EQ(counts_.dropped_failed.load(), 0u);
  ASSERT_EQ(collector_.asked.size(), 3u);
  EXPECT_TRUE(collector_.asked[0].head.starts_with("POST /v1/traces HTTP/1.1\r\n")) << collector_.asked[0].head;
  EXPECT_NE(collector_.asked[0].head.find("x-token: t0ken\r\n"), std::string::npos);
  EXPECT_EQ(read(collector_.asked[0].body).size(), trace::kBatchCallsMax);
}

TEST_F(ExporterTest, WhatMayPassIsTriedAgainAndThenGivenUp) {
  for (int i = 0; i < 2; ++i) collector_.next(0, Reply::json(503, "{}"));
  collector_.always(0, Reply::json(200, "{}"));
  exporter_.offer(outcome());
  run(30s);
  EXPECT_EQ(collector_.asked.size(), 3u);
  EXPECT_EQ(counts_.exported.load(), 1u);
}

TEST_F(ExporterTest, AfterItsTriesACallIsLeftOut) {
  collector_.always(0, Reply::json(503, "{}"));
  exporter_.offer(outcome());
  run(60s);
  EXPECT_EQ(collector_.asked.size(), static_cast<size_t>(trace::kTriesMax));
  EXPECT_EQ(counts_.exported.load(), 0u);
  EXPECT_EQ(counts_.dropped_failed.load(), 1u);
}

TEST_F(ExporterTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  collector_.always(0, Reply::json(400, "{}"));
  exporter_.offer(outcome());
  run(30s);
  EXPECT_EQ(collector_.asked.size(), 1u);
  EXPECT_EQ(counts_.dropped_failed.load(), 1u);
}

TEST_F(ExporterTest, AtTheEndWhatIsLeftIsSentWithinASecond) {
  collector_.always(0, Reply::json(200, "{}"));
  exporter_.offer(outcome());
  run(100ms);
  EXPECT_EQ(counts_.exported.load(), 1u);
}

TEST_F(ExporterTest, ACollectorThatIsSilentDoesNotHoldUpTheEnd) {
  exporter_.offer(outcome());
  collector_.always(0, Reply{});
  const Instant began = loop_.now();
  run(3s);
  EXPECT_LE(ended_ - began, 3s + trace::kLastTries + 100ms);
  EXPECT_EQ(counts_.exported.load(), 0u);
}

}  // namespace
}  // namespace baton::simulation
