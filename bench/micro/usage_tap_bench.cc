// The usage tap: what it costs per event that carries nothing, and per stream for the two that do.
#include <benchmark/benchmark.h>

#include "stream/usage_tap.h"

namespace baton::bench {
namespace {

constexpr std::string_view kDelta =
    R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}})";
constexpr std::string_view kStart =
    R"({"type":"message_start","message":{"id":"msg_01Text","type":"message","role":"assistant","model":"claude-sonnet-5-5",)"
    R"("content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"diagnostics":null,)"
    R"("usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
    R"("cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,)"
    R"("output_tokens_details":null,"server_tool_use":null,"service_tier":"standard","inference_geo":null,"speed":null}}})";
constexpr std::string_view kEnd =
    R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,"container":null},)"
    R"("usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":14,)"
    R"("output_tokens_details":null,"server_tool_use":null}})";

void event(benchmark::State& state, std::string_view name, std::string_view data) {
  stream::TapRoom room;
  stream::UsageTap tap(room);
  for (auto _ : state) {
    benchmark::DoNotOptimize(name);
    benchmark::DoNotOptimize(data);
    tap.event(name, data);
    benchmark::ClobberMemory();
  }
  if (tap.facts().unread > 0) state.SkipWithError("not read");
}

void BM_tap_content_block_delta(benchmark::State& state) { event(state, "content_block_delta", kDelta); }
void BM_tap_ping(benchmark::State& state) { event(state, "ping", R"({"type":"ping"})"); }
void BM_tap_message_start(benchmark::State& state) { event(state, "message_start", kStart); }
void BM_tap_message_delta(benchmark::State& state) { event(state, "message_delta", kEnd); }
BENCHMARK(BM_tap_content_block_delta);
BENCHMARK(BM_tap_ping);
BENCHMARK(BM_tap_message_start);
BENCHMARK(BM_tap_message_delta);

}  // namespace
}  // namespace baton::bench
