#include "messages.h"

#include <array>
#include <cstdio>

#include "support.h"

namespace baton::load {

namespace {

constexpr std::string_view kProse =
    "A relay stands between programs and a model: it takes a request, chooses an account, sends the bytes on and "
    "brings "
    "every event back the moment it arrives.\\n\\nIt says \\\"not now\\\" only when nobody can answer, and it "
    "remembers what "
    "was spent. ";

// `bytes` of prose that may stand inside a JSON string: an escape is never cut.
std::string prose(size_t bytes) {
  std::string result;
  result.reserve(bytes + kProse.size());
  while (result.size() < bytes) result.append(kProse);
  result.resize(bytes);
  if (bytes > 0 && result.back() == '\\') result.back() = '.';
  return result;
}

// Fills up to `bytes` between the two ends of a JSON text.
std::string filled(std::string_view before, std::string_view after, size_t bytes) {
  if (before.size() + after.size() > bytes) die("a body of " + std::to_string(bytes) + " bytes is too small");
  return std::string(before) + prose(bytes - before.size() - after.size()) + std::string(after);
}

std::string chunk(std::string_view event, std::string_view data) {
  const std::string text = "event: " + std::string(event) + "\ndata: " + std::string(data) + "\n\n";
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
  return size.data() + text + "\r\n";
}

constexpr std::string_view kCommonFields =
    "Date: Tue, 24 Nov 2026 09:00:00 GMT\r\n"
    "request-id: req_011CWbenchbenchbenchbench\r\n"
    "anthropic-organization-id: 00000000-bench-4000-8000-000000000000\r\n"
    "anthropic-ratelimit-requests-limit: 100000000\r\n"
    "anthropic-ratelimit-requests-remaining: 99999999\r\n"
    "anthropic-ratelimit-requests-reset: 2026-11-24T09:00:00Z\r\n"
    "anthropic-ratelimit-tokens-limit: 900000000000\r\n"
    "anthropic-ratelimit-tokens-remaining: 899999999000\r\n"
    "anthropic-ratelimit-tokens-reset: 2026-11-24T09:00:00Z\r\n"
    "cf-ray: 9a3b5c7d9e1f2a3b-FRA\r\n";

}  // namespace

std::string message_json(size_t bytes) {
  return filled(R"({"id":"msg_01BenchBenchBenchBench","type":"message","role":"assistant",)"
                R"("model":"claude-sonnet-5-5","content":[{"type":"text","text":")",
                R"(","citations":null}],"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,)"
                R"("container":null,"usage":{"input_tokens":412,"cache_creation_input_tokens":0,)"
                R"("cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,)"
                R"("ephemeral_1h_input_tokens":0},"output_tokens":187,"service_tier":"standard"}})",
                bytes);
}

std::string reply_head(size_t body_bytes) {
  return "HTTP/1.1 200 OK\r\n" + std::string(kCommonFields) +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

void Digits::write(char* text, uint64_t value) const {
  for (size_t i = width_; i-- > 0; value /= 10) text[at_ + i] = static_cast<char>('0' + value % 10);
}

StreamTexts stream_texts() {
  StreamTexts texts;
  texts.opening =
      "HTTP/1.1 200 OK\r\n" + std::string(kCommonFields) +
      "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nTransfer-Encoding: "
      "chunked\r\n\r\n" +
      chunk("message_start", R"({"type":"message_start","message":{"id":"msg_01BenchBenchBenchBench","type":"message",)"
                             R"("role":"assistant","model":"claude-sonnet-5-5","content":[],"stop_reason":null,)"
                             R"("stop_sequence":null,"stop_details":null,"container":null,"usage":{"input_tokens":412,)"
                             R"("cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
                             R"("cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},)"
                             R"("output_tokens":1,"service_tier":"standard"}}})") +
      chunk("content_block_start",
            R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}})");
  texts.delta =
      chunk("content_block_delta", R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)" +
                                       std::string(kStampField) + std::string(kStampDigits, '0') + "\"}}");
  texts.stamp = Digits(texts.delta, kStampDigits);
  texts.closing =
      chunk("content_block_stop", R"({"type":"content_block_stop","index":0})") +
      chunk("message_delta", R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null,)"
                             R"("stop_details":null,"container":null},"usage":{"input_tokens":412,)"
                             R"("cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":187}})") +
      chunk("message_stop", R"({"type":"message_stop"})") + "0\r\n\r\n";
  return texts;
}

RequestText request_text(const RequestShape& shape) {
  constexpr size_t kSerialDigits = 16;
  const std::string body = filled(
      R"({"model":"claude-sonnet-5-5","max_tokens":1024,"stream":)" + std::string(shape.stream ? "true" : "false") +
          R"(,"system":"You answer briefly.","messages":[{"role":"user","content":")",
      shape.distinct ? std::string(kSerialDigits, '0') + R"("}],"metadata":{"user_id":"bench-"}})"
                     : R"("}],"metadata":{"user_id":"bench-)" + std::string(kSerialDigits, '0') + R"("}})",
      shape.body_bytes);
  RequestText request;
  request.text =
      "POST /v1/messages HTTP/1.1\r\n"
      "Host: 127.0.0.1\r\n"
      "Accept: application/json\r\n"
      "Content-Type: application/json\r\n"
      "User-Agent: Anthropic/JS 1.12.0\r\n"
      "X-Stainless-Lang: js\r\n"
      "X-Stainless-Package-Version: 1.12.0\r\n"
      "X-Stainless-OS: Linux\r\n"
      "X-Stainless-Arch: x64\r\n"
      "X-Stainless-Runtime: node\r\n"
      "X-Stainless-Runtime-Version: v20.20.2\r\n"
      "X-Stainless-Retry-Count: 0\r\n"
      "X-Stainless-Timeout: 600\r\n"
      "anthropic-version: 2023-06-01\r\n"
      "x-api-key: " +
      shape.key + "\r\n" + (shape.bench.empty() ? "" : "x-bench: " + shape.bench + "\r\n") +
      "Connection: keep-alive\r\n"
      "Accept-Encoding: gzip, deflate, br\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  request.serial = Digits(request.text, kSerialDigits);
  return request;
}

}  // namespace baton::load
