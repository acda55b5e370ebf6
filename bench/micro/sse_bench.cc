// The event stream scanner on what most of a stream is: text deltas.
#include <benchmark/benchmark.h>

#include "bodies.h"
#include "http/sse.h"

namespace baton::bench {
namespace {

std::string text_deltas(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out +=
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\" word" +
        std::to_string(i % 10) + "\"}}\n\n";
  }
  return out;
}

// Fed in pieces of `piece_bytes`; time is per event.
void feed(benchmark::State& state, size_t piece_bytes) {
  const std::string stream = text_deltas(100);
  http::SseScanner scanner;
  uint64_t bytes = 0;
  for (auto _ : state) {
    for (size_t at = 0; at < stream.size(); at += piece_bytes) {
      scanner.feed(std::string_view(stream).substr(at, piece_bytes),
                   [&bytes](const http::SseEvent& event) { bytes += event.data.size(); });
    }
  }
  benchmark::DoNotOptimize(bytes);
  state.SetItemsProcessed(state.iterations() * 100);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(stream.size()));
  state.counters["per_event"] =
      benchmark::Counter(100, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void BM_sse_event_a_read(benchmark::State& state) { feed(state, text_deltas(1).size()); }
void BM_sse_64_events_a_read(benchmark::State& state) { feed(state, 64 * text_deltas(1).size()); }
void BM_sse_every_event_cut(benchmark::State& state) { feed(state, 100); }
BENCHMARK(BM_sse_event_a_read);
BENCHMARK(BM_sse_64_events_a_read);
BENCHMARK(BM_sse_every_event_cut);

}  // namespace
}  // namespace baton::bench
