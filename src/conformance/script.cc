#include "conformance/script.h"

#include "http/chunked.h"
#include "http/http1.h"
#include "http/json.h"

namespace baton::conformance {

namespace {

std::string head(int status, const Fields& fields) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " + std::string(http::reason_phrase(status)) + "\r\n";
  for (const auto& [name, value] : fields) out.append(name).append(": ").append(value).append("\r\n");
  return out;
}

}  // namespace

Answer whole(int status, std::string_view body, const Fields& fields) {
  Fields all{{"content-type", "application/json"}, {"request-id", "req_conformance"}};
  all.insert(all.end(), fields.begin(), fields.end());
  all.emplace_back("content-length", std::to_string(body.size()));
  return {{.bytes = head(status, all) + "\r\n" + std::string(body)}};
}

Step stream_head(const Fields& fields) {
  Fields all{{"content-type", "text/event-stream; charset=utf-8"},
             {"cache-control", "no-cache"},
             {"request-id", "req_conformance"}};
  all.insert(all.end(), fields.begin(), fields.end());
  all.emplace_back("transfer-encoding", "chunked");
  return {.bytes = head(200, all) + "\r\n"};
}

Step chunk(std::string_view content) {
  std::array<char, 20> room;
  std::string bytes(http::chunk_head(content.size(), room));
  return {.bytes = bytes.append(content).append(http::kChunkEnd)};
}

Step last_chunk() { return {.bytes = std::string(http::kLastChunk)}; }

Answer streamed(const std::vector<std::string>& pieces, const Fields& fields) {
  Answer out{stream_head(fields)};
  for (const std::string& piece : pieces) out.push_back(chunk(piece));
  out.push_back(last_chunk());
  return out;
}

std::string event(std::string_view name, std::string_view data) {
  std::string out = "event: ";
  return out.append(name).append("\ndata: ").append(data).append("\n\n");
}

std::string message_start() {
  return event("message_start",
               R"({"type":"message_start","message":{"id":"msg_conformance","type":"message","role":"assistant",)"
               R"("model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,)"
               R"("usage":{"input_tokens":12,"cache_read_input_tokens":0,"output_tokens":1}}})");
}

std::string block_start() {
  return event("content_block_start",
               R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
}

std::string text_delta(std::string_view text) {
  std::string data = R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":)";
  http::append_json_string(data, text);
  return event("content_block_delta", data + "}}");
}

std::string block_stop() { return event("content_block_stop", R"({"type":"content_block_stop","index":0})"); }

std::string message_delta() {
  return event("message_delta", R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
                                R"("usage":{"output_tokens":3}})");
}

std::string message_stop() { return event("message_stop", R"({"type":"message_stop"})"); }

std::string ping() { return event("ping", R"({"type": "ping"})"); }

std::vector<std::string> text_stream(const std::vector<std::string>& texts) {
  std::vector<std::string> out{message_start(), block_start()};
  for (const std::string& text : texts) out.push_back(text_delta(text));
  for (std::string& end : std::vector<std::string>{block_stop(), message_delta(), message_stop()})
    out.push_back(std::move(end));
  return out;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string out;
  for (const std::string& piece : pieces) out.append(piece);
  return out;
}

std::string message() {
  return R"({"id":"msg_conformance","type":"message","role":"assistant","model":"claude-sonnet-5-5",)"
         R"("content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,)"
         R"("usage":{"input_tokens":12,"output_tokens":3}})";
}

std::string error_body(std::string_view type, std::string_view text) {
  std::string out = R"({"type":"error","error":{"type":")";
  out.append(type).append(R"(","message":)");
  http::append_json_string(out, text);
  return out + R"(},"request_id":"req_conformance"})";
}

}  // namespace baton::conformance
