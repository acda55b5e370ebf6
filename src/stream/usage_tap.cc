#include "stream/usage_tap.h"

#include <array>
#include <utility>

#include "http/json_view.h"

namespace baton::stream {
namespace {

constexpr size_t kKeptTextBytes = 64 * 1024;
// A reply may nest deeper than a request: a model's tool input is not the client's to answer for.
constexpr http::JsonLimits kReplyLimits{.depth_max = 1024, .keys_max = 1'000'000};
// Figures beyond this are no token counts; below, sums of them cannot overflow.
constexpr int64_t kCountMax = 1'000'000'000'000'000;

// Calls `on_field(key, span)` for every field of the object, as the scanner finds them in a copy with its padding.
// False when it is not one that can be read.
template <class OnField>
bool scan_fields(TapRoom& room, std::string_view object, OnField&& on_field) {
  return room.with(object, [&](http::JsonScanner& scanner, std::string_view text) {
    auto fields = scanner.scan_object(text, kReplyLimits);
    if (!fields) return false;
    for (const http::JsonField& field : **fields)
      on_field(field.key, object.substr(field.begin, field.end - field.begin));
    return true;
  });
}

// The same, found without looking at what stands inside the values: of the vendor's own answer only the figures count,
// and its other values may be long. What is not plainly one object with each name once is the scanner's to judge.
template <class OnField>
bool each_field(TapRoom& room, std::string_view object, OnField&& on_field) {
  struct Member {
    std::string_view key, value;
  };
  constexpr size_t kFew = 16;
  std::array<Member, kFew> found;
  size_t count = 0;
  uint64_t seen = 0;  // by length and last byte: most names are told apart without comparing
  http::JsonMembers members(object);
  while (members.next()) {
    const std::string_view key = members.key;
    if (count == kFew || key.contains('\\')) return scan_fields(room, object, on_field);
    const uint64_t bit = uint64_t{1} << ((key.size() * 7 + (key.empty() ? 0 : static_cast<uint8_t>(key.back()))) & 63);
    for (size_t i = 0; (seen & bit) != 0 && i < count; ++i) {
      if (found[i].key == key) return false;
    }
    seen |= bit;
    found[count++] = {key, members.value};
  }
  if (!members.ended()) return scan_fields(room, object, on_field);
  for (size_t i = 0; i < count; ++i) on_field(found[i].key, found[i].value);
  return true;
}

// The same for an object that may be absent or null.
template <class OnField>
bool object_or_null(TapRoom& room, std::string_view span, OnField&& on_field) {
  return http::is_null(span) || each_field(room, span, on_field);
}

// Takes over what is a string; null and all else leave `fact` as it was.
void take_text(std::string& fact, std::string_view span) {
  if (const auto plain = http::json_plain(span)) {
    fact.assign(plain->substr(0, kFactBytesMax));
    return;
  }
  auto text = http::json_string(span);
  if (!text) return;
  if (text->size() > kFactBytesMax) text->resize(kFactBytesMax);
  fact = std::move(*text);
}

class UsageReader {
 public:
  UsageReader(TapRoom& room, model::Usage& usage) : room_(room), usage_(usage) {}

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
        usage_.fast = http::json_plain(value) == "fast";
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
    bool read = object_or_null(room_, span, on_field);
    read &= object_or_null(room_, cache_creation, on_creation);
    read &= object_or_null(room_, output_details, on_details);
    read &= object_or_null(room_, server_tools, on_tools);
    return read;
  }

 private:
  void take_tier(std::string_view span) {
    const auto tier = http::json_plain(span);
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

  TapRoom& room_;
  model::Usage& usage_;
};

// A Message: whole, or as it begins.
bool read_message(TapRoom& room, std::string_view object, ReplyFacts& facts) {
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
  return each_field(room, object, on_field) && UsageReader(room, facts.usage).read(usage);
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
  std::string_view error, details;
  bool is_error = false;
  auto on_body = [&](std::string_view key, std::string_view value) {
    if (key == "type") is_error = http::json_plain(value) == "error";
    if (key == "error") error = value;
  };
  auto on_error = [&](std::string_view key, std::string_view value) {
    if (key == "type") take_text(out.type, value);
    if (key == "details") details = value;
  };
  if (!each_field(room, body, on_body) || !is_error || !each_field(room, error, on_error)) return std::nullopt;
  object_or_null(room, details, [&](std::string_view key, std::string_view value) {
    if (key == "error_code") take_text(out.error_code, value);
  });
  if (out.type.empty()) return std::nullopt;
  return out;
}

void UsageTap::message(std::string_view body) {
  if (!read_message(room_, body, facts_)) ++facts_.unread;
}

void UsageTap::message_start(std::string_view data) {
  facts_.message_start = true;
  std::string_view message;
  auto on_field = [&message](std::string_view key, std::string_view value) {
    if (key == "message") message = value;
  };
  if (!each_field(room_, data, on_field) || !read_message(room_, message, facts_)) ++facts_.unread;
}

void UsageTap::message_delta(std::string_view data) {
  facts_.message_delta = true;
  std::string_view delta, usage;
  auto on_field = [&](std::string_view key, std::string_view value) {
    if (key == "delta") delta = value;
    if (key == "usage") usage = value;
  };
  bool read = each_field(room_, data, on_field);
  if (read) {
    read = object_or_null(room_, delta, [this](std::string_view key, std::string_view value) {
      if (key == "stop_reason") take_text(facts_.stop_reason, value);
    });
    read &= UsageReader(room_, facts_.usage).read(usage);
  }
  if (!read) ++facts_.unread;
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
