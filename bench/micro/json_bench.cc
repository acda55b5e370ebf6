// JSON scan of request bodies: a small one, a coding assistant's first turn, a later turn.
#include <benchmark/benchmark.h>

#include "bodies.h"
#include "http/json.h"

namespace baton::bench {
namespace {

void scan(benchmark::State& state, std::string body) {
  std::string_view text = body;
  size_t bytes = body.size();
  body.resize(bytes + http::kJsonPadding);
  text = std::string_view(body).substr(0, bytes);
  http::JsonScanner scanner;
  for (auto _ : state) {
    auto fields = scanner.scan_object(text);
    if (!fields) {
      state.SkipWithError(fields.error().detail.c_str());
      break;
    }
    benchmark::DoNotOptimize((*fields)->size());
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
  state.counters["bytes"] = static_cast<double>(bytes);
}

void BM_json_small_2k(benchmark::State& state) { scan(state, small_body(2048)); }
void BM_json_assistant_50k(benchmark::State& state) { scan(state, assistant_body(50 * 1024)); }
void BM_json_assistant_100k(benchmark::State& state) { scan(state, assistant_body(100 * 1024)); }
BENCHMARK(BM_json_small_2k);
BENCHMARK(BM_json_assistant_50k);
BENCHMARK(BM_json_assistant_100k);

// The worst that the key limit lets through: every key must be told from every other.
void BM_json_100k_keys(benchmark::State& state) {
  std::string body = "{";
  for (int i = 0; i < 100'000; ++i) body += (i > 0 ? ",\"key_number_" : "\"key_number_") + std::to_string(i) + "\":1";
  scan(state, body + "}");
}
BENCHMARK(BM_json_100k_keys)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace baton::bench
