#include "stream/usage_tap.h"

#include <utility>

namespace baton::stream {
namespace {

constexpr size_t kKeptTextBytes = 64 * 1024;
// A reply may nest deeper than a request: a model's tool input is not the client's to answer for.
constexpr http::JsonLimits kReplyLimits{.depth_max = 1024, .keys_max = 1'000'000};
// Figures beyond this are no token counts; below, sums of them cannot overflow.
constexpr int64_t kCountMax = 1'000'000'000'000'000;

// Calls `on_field(key, span)` for every field of the object. False when it is not one that can be read.
template <class OnField>
bool each_field(http::JsonScanner& scanner, std::string_view object, OnField&& on_field) {
  auto fields = scanner.scan_object(object, kReplyLimits);
  if (!fields) return false;
  for (const http::JsonField& field : **fields)
    on_field(field.key, object.substr(field.begin, field.end - field.begin));
  return true;
}

// The same for an object that may be absent or null.
template <class OnField>
bool object_or_null(http::JsonScanner& scanner, std::string_view span, OnField&& on_field) {
  return span.empty() || span == "null" || each_field(scanner, span, on_field);
}

// Takes over what is a string; null and all else leave `fact` as it was.
void take_text(std::string& fact, std::string_view span) {
  auto text = http::json_string(span);
  if (!text) return;
  if (text->size() > kFactBytesMax) text->resize(kFactBytesMax);
  fact = std::move(*text);
}

class UsageReader {
 public:
  UsageReader(http::JsonScanner& scanner, model::Usage& usage) : scanner_(scanner), usage_(usage) {}

  // A usage object or null. False when it is there and cannot be read.
  bool read(std::string_view span) {
    std::string_view cache_creation, output_details, server_tools;
    auto on_field = [&](std::string_view key, std::string_view value) {
      if (key == "input_tokens")
        take(usage_.input_tokens, value);
      else if (key == "output_tokens")
        take(usage_.output_tokens, value);
      else if (key == "cache_creation_input_tokens")
        take(usage_.cache_creation_input_tokens, value);
      else if (key == "cache_read_input_tokens")
        take(usage_.cache_read_input_tokens, value);
      else if (key == "cache_creation")
        cache_creation = value;
      else if (key == "output_tokens_details")
        output_details = value;
      else if (key == "server_tool_use")
        server_tools = value;
      else if (key == "service_tier")
        take_tier(value);
      else if (key == "speed" && value != "null")
        usage_.fast = http::json_string(value) == "fast";
    };
    auto on_creation = [this](std::string_view key, std::string_view value) {
      if (key == "ephemeral_5m_input_tokens") take(usage_.cache_creation_5m_input_tokens, value);
      if (key == "ephemeral_1h_input_tokens") take(usage_.cache_creation_1h_input_tokens, value);
    };
    auto on_details = [this](std::string_view key, std::string_view value) {
      if (key == "thinking_tokens") take(usage_.thinking_tokens, value);
    };
    auto on_tools = [this](std::string_view key, std::string_view value) {
      if (key == "web_search_requests") take(usage_.web_search_requests, value);
      if (key == "web_fetch_requests") take(usage_.web_fetch_requests, value);
    };
    bool read = object_or_null(scanner_, span, on_field);
    read &= object_or_null(scanner_, cache_creation, on_creation);
    read &= object_or_null(scanner_, output_details, on_details);
    read &= object_or_null(scanner_, server_tools, on_tools);
    return read;
  }

 private:
  void take_tier(std::string_view span) {
    const auto tier = http::json_string(span);
    if (tier == "standard") usage_.tier = model::ServiceTier::kStandard;
    if (tier == "priority") usage_.tier = model::ServiceTier::kPriority;
    if (tier == "batch") usage_.tier = model::ServiceTier::kBatch;
  }

  void take(int64_t& figure, std::string_view span) {
    auto value = http::json_int(span);
    if (!value || *value < 0 || *value > kCountMax) return;
    figure = *value;
    usage_.known = true;
  }

  http::JsonScanner& scanner_;
  model::Usage& usage_;
};

// A Message: whole, or as it begins.
bool read_message(http::JsonScanner& scanner, std::string_view object, ReplyFacts& facts) {
  std::string_view usage;
  auto on_field = [&](std::string_view key, std::string_view value) {
    if (key == "id")
      take_text(facts.message_id, value);
    else if (key == "model")
      take_text(facts.model, value);
    else if (key == "stop_reason")
      take_text(facts.stop_reason, value);
    else if (key == "usage")
      usage = value;
  };
  return each_field(scanner, object, on_field) && UsageReader(scanner, facts.usage).read(usage);
}

}  // namespace

void TapRoom::hold(std::string_view text) {
  text_.assign(text);
  text_.append(http::kJsonPadding, ' ');
}

void TapRoom::give_back() {
  if (text_.capacity() > kKeptTextBytes) std::string().swap(text_);
}

std::optional<VendorError> read_error(std::string_view body, TapRoom& room) {
  VendorError out;
  bool read = room.with(body, [&out](http::JsonScanner& scanner, std::string_view text) {
    std::string_view error, details;
    bool is_error = false;
    auto on_body = [&](std::string_view key, std::string_view value) {
      if (key == "type") is_error = http::json_string(value) == "error";
      if (key == "error") error = value;
    };
    auto on_error = [&](std::string_view key, std::string_view value) {
      if (key == "type") take_text(out.type, value);
      if (key == "details") details = value;
    };
    if (!each_field(scanner, text, on_body) || !is_error || !each_field(scanner, error, on_error)) return false;
    object_or_null(scanner, details, [&](std::string_view key, std::string_view value) {
      if (key == "error_code") take_text(out.error_code, value);
    });
    return !out.type.empty();
  });
  if (!read) return std::nullopt;
  return out;
}

void UsageTap::message(std::string_view body) {
  auto read = [this](http::JsonScanner& scanner, std::string_view text) { return read_message(scanner, text, facts_); };
  if (!room_.with(body, read)) ++facts_.unread;
}

void UsageTap::message_start(std::string_view data) {
  facts_.message_start = true;
  auto read = [this](http::JsonScanner& scanner, std::string_view text) {
    std::string_view message;
    auto on_field = [&message](std::string_view key, std::string_view value) {
      if (key == "message") message = value;
    };
    return each_field(scanner, text, on_field) && read_message(scanner, message, facts_);
  };
  if (!room_.with(data, read)) ++facts_.unread;
}

void UsageTap::message_delta(std::string_view data) {
  facts_.message_delta = true;
  auto read = [this](http::JsonScanner& scanner, std::string_view text) {
    std::string_view delta, usage;
    auto on_field = [&](std::string_view key, std::string_view value) {
      if (key == "delta") delta = value;
      if (key == "usage") usage = value;
    };
    if (!each_field(scanner, text, on_field)) return false;
    bool delta_read = object_or_null(scanner, delta, [this](std::string_view key, std::string_view value) {
      if (key == "stop_reason") take_text(facts_.stop_reason, value);
    });
    return UsageReader(scanner, facts_.usage).read(usage) && delta_read;
  };
  if (!room_.with(data, read)) ++facts_.unread;
}

void UsageTap::error(std::string_view data) {
  facts_.error_event = true;
  auto read = read_error(data, room_);
  if (read) {
    facts_.error = std::move(*read);
  } else {
    ++facts_.unread;
  }
}

}  // namespace baton::stream
