// What it costs to know a question again: the canonical text and both its digests.
#include <benchmark/benchmark.h>

#include "base/digest.h"
#include "bodies.h"
#include "reuse/canonical.h"
#include "reuse/digest.h"

namespace baton::bench {
namespace {

reuse::Question question(const std::string& body) {
  return {.tenant = "web", .path = "/v1/messages", .version = "2023-06-01", .betas = {}, .body = body};
}

void digest(benchmark::State& state, const std::string& body) {
  reuse::Digester digester(std::array<uint8_t, 32>{7});
  for (auto _ : state) {
    auto found = digester.digest(question(body));
    if (!found) {
      state.SkipWithError("no digest");
      break;
    }
    benchmark::DoNotOptimize(found->key.low);
  }
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}

void canonical(benchmark::State& state, const std::string& body) {
  reuse::Canonical writer;
  for (auto _ : state) {
    if (!writer.write(question(body))) {
      state.SkipWithError("no text");
      break;
    }
    benchmark::DoNotOptimize(writer.text().data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}

void proof(benchmark::State& state, const std::string& body) {
  for (auto _ : state) benchmark::DoNotOptimize(sha256(body));
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}

void BM_digest_small_2k(benchmark::State& state) { digest(state, small_body(2048)); }
void BM_digest_assistant_50k(benchmark::State& state) { digest(state, assistant_body(50 * 1024)); }
void BM_canonical_small_2k(benchmark::State& state) { canonical(state, small_body(2048)); }
void BM_canonical_assistant_50k(benchmark::State& state) { canonical(state, assistant_body(50 * 1024)); }
void BM_sha256_2k(benchmark::State& state) { proof(state, small_body(2048)); }
void BM_sha256_50k(benchmark::State& state) { proof(state, assistant_body(50 * 1024)); }
BENCHMARK(BM_digest_small_2k);
BENCHMARK(BM_digest_assistant_50k);
BENCHMARK(BM_canonical_small_2k);
BENCHMARK(BM_canonical_assistant_50k);
BENCHMARK(BM_sha256_2k);
BENCHMARK(BM_sha256_50k);

}  // namespace
}  // namespace baton::bench
