// What the simulator's unit tests share: requests in one line, and a reply's events taken apart.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/json.h"
#include "sim/json_view.h"
#include "sim/simulator.h"

namespace baton::sim::testing {

struct Call {
  std::string method = "POST";
  std::string path = "/v1/messages";
  std::string query = {};
  std::string body = {};
  std::string key = "sk-a";
  std::string version = "2023-06-01";
  std::string control = {};
  std::string content_type = "application/json";
  std::string content_encoding = {};
};

// A simulator on a clock of its own.
class Bench {
 public:
  explicit Bench(Config config = {}) : simulator(std::move(config)) {}

  Reply ask(const Call& call) {
    std::string body = call.body;
    body.reserve(body.size() + http::kJsonPadding);
    return simulator.answer(
        {.method = call.method,
         .path = call.path,
         .query = call.query,
         .body = body,
         .x_api_key = call.key,
         .version = call.version,
         .content_type = call.content_type,
         .content_encoding = call.content_encoding,
         .host = "sim.example:8790",
         .control = call.control,
         .now = now,
         .wall = WallTime(std::chrono::milliseconds(1'764'000'000'000 + milliseconds(now - kStart)))},
        scanner);
  }
  Reply ask(std::string body) { return ask(Call{.body = std::move(body)}); }

  static constexpr Instant kStart{5'000'000'000'000};
  Simulator simulator;
  http::JsonScanner scanner;
  Instant now = kStart;
};

// All the content of a reply.
inline std::string content_of(Reply& reply) {
  std::string out = reply.content;
  while (reply.source && reply.source->due()) reply.source->append(out);
  return out;
}

// The value of a response field, or "".
inline std::string field_of(const Reply& reply, std::string_view name) {
  std::string line = std::string(name) + ": ";
  size_t at = reply.fields.starts_with(line) ? 0 : reply.fields.find("\r\n" + line);
  if (at == std::string::npos) return {};
  if (at > 0) at += 2;
  at += line.size();
  return reply.fields.substr(at, reply.fields.find("\r\n", at) - at);
}

struct Event {
  std::string name;
  std::string data;
};
// Events of a stream whose lines end in LF.
inline std::vector<Event> events_of(std::string_view stream) {
  std::vector<Event> out;
  while (!stream.empty()) {
    size_t end = stream.find("\n\n");
    if (end == std::string_view::npos) {
      out.push_back({"unfinished", std::string(stream)});
      break;
    }
    std::string_view event = stream.substr(0, end);
    stream.remove_prefix(end + 2);
    size_t middle = event.find("\ndata: ");
    if (!event.starts_with("event: ") || middle == std::string_view::npos) {
      out.push_back({"malformed", std::string(event)});
    } else {
      out.push_back({std::string(event.substr(7, middle - 7)), std::string(event.substr(middle + 7))});
    }
  }
  return out;
}

// "usage.cache_creation.ephemeral_5m_input_tokens" of an object: the value's span, or "".
inline std::string_view at_path(std::string_view object, std::string_view path) {
  while (!path.empty()) {
    std::string_view key = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    if (is_array(object)) {
      size_t index = static_cast<size_t>(key[0] - '0');
      JsonElements elements(object);
      object = {};
      while (elements.next()) {
        if (index-- == 0) {
          object = elements.value;
          break;
        }
      }
    } else {
      object = json_member(object, key);
    }
  }
  return object;
}
inline int64_t number_at(std::string_view object, std::string_view path) {
  return http::json_int(at_path(object, path)).value_or(-1);
}
inline std::string text_at(std::string_view object, std::string_view path) {
  return http::json_string(at_path(object, path)).value_or("<none>");
}
// Whether it is one JSON object, to the last byte.
inline bool is_valid_json(std::string_view text) {
  std::string padded(text);
  padded.reserve(padded.size() + http::kJsonPadding);
  http::JsonScanner scanner;
  return scanner.scan_object(padded).has_value();
}

inline std::string hello(std::string_view more = "", std::string_view text = "hello") {
  return R"({"model":"claude-sonnet-5-5","max_tokens":1000,"messages":[{"role":"user","content":")" +
         std::string(text) + "\"}]" + std::string(more) + "}";
}

}  // namespace baton::sim::testing
