// What the HTTP/1.1 codecs cost: the head of a Claude Code request, the head of a streamed reply, and chunked bodies.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "http/chunked.h"
#include "http/http1.h"

namespace {

using namespace baton::http;

const std::string kRequest =
    "POST /v1/messages?beta=true HTTP/1.1\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: claude-cli/2.1.330 (external, sdk-cli)\r\n"
    "X-Claude-Code-Session-Id: 6f1c1c0e-7c8f-4c43-9e0b-3f0e3f9b5a11\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Lang: js\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Timeout: 600\r\n"
    "anthropic-beta: "
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,effort-2025-11-24\r\n"
    "anthropic-version: 2023-06-01\r\n"
    "x-api-key: sk-ant-api03-0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
    "Connection: keep-alive\r\n"
    "Host: 127.0.0.1:8787\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Content-Length: 49152\r\n"
    "\r\n"
    "{\"model\":\"claude-opus-5-5\",\"messages\":[]}";

const std::string kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n"
    "Transfer-Encoding: chunked\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: no-cache\r\n"
    "anthropic-ratelimit-requests-limit: 4000\r\n"
    "anthropic-ratelimit-requests-remaining: 3999\r\n"
    "anthropic-ratelimit-requests-reset: 2026-11-23T10:00:01Z\r\n"
    "anthropic-ratelimit-tokens-limit: 400000\r\n"
    "anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n"
    "request-id: req_011CUabcdefghijklmnopqrs\r\n"
    "server: cloudflare\r\n"
    "cf-ray: 9a0123456789abcd-FRA\r\n"
    "\r\n"
    "1f\r\n";

void parse_request_head(benchmark::State& state) {
  RequestHead head;
  HeadError error = HeadError::kNone;
  for (auto _ : state) {
    size_t scanned = 0;
    const ParseStatus status = parse_request(kRequest, scanned, {}, head, error);
    if (status != ParseStatus::kDone) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(head.bytes));
  state.counters["fields"] = static_cast<double>(head.fields.size());
}
BENCHMARK(parse_request_head);

// The same head in two reads, as when it is larger than a first small read.
void parse_request_head_in_two(benchmark::State& state) {
  RequestHead head;
  HeadError error = HeadError::kNone;
  for (auto _ : state) {
    size_t scanned = 0;
    ParseStatus status = parse_request(std::string_view(kRequest).substr(0, 400), scanned, {}, head, error);
    if (status == ParseStatus::kNeedMore) status = parse_request(kRequest, scanned, {}, head, error);
    if (status != ParseStatus::kDone) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head);
  }
}
BENCHMARK(parse_request_head_in_two);

void parse_response_head(benchmark::State& state) {
  ResponseHead head;
  HeadError error = HeadError::kNone;
  for (auto _ : state) {
    size_t scanned = 0;
    const ParseStatus status = parse_response(kResponse, scanned, {}, false, head, error);
    if (status != ParseStatus::kDone) state.SkipWithError("refused");
    benchmark::DoNotOptimize(head);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(head.bytes));
  state.counters["fields"] = static_cast<double>(head.fields.size());
}
BENCHMARK(parse_response_head);

// Sixteen chunks of the given size, as the events of a stream come.
void decode_chunks(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  std::string body;
  std::array<char, 20> room;
  for (int i = 0; i < 16; ++i) {
    body += chunk_head(size, room);
    body.append(size, 'x');
    body += kChunkEnd;
  }
  body += kLastChunk;
  for (auto _ : state) {
    ChunkedDecoder decoder;
    size_t content = 0;
    for (std::string_view rest = body; !rest.empty() && !decoder.done();) {
      const ChunkedDecoder::Step step = decoder.step(rest);
      content += step.data.size();
      rest.remove_prefix(step.consumed);
      if (step.error) break;
    }
    if (!decoder.done()) state.SkipWithError("not done");
    benchmark::DoNotOptimize(content);
  }
  state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(decode_chunks)->Arg(120)->Arg(4096);

}  // namespace
