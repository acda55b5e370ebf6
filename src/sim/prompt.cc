#include "sim/prompt.h"

#include "sim/json_view.h"
#include "sim/mix.h"

namespace baton::sim {

namespace {

enum class Role : uint8_t { kTool, kSystem, kUser, kAssistant };

uint32_t tokens_of(size_t bytes) { return static_cast<uint32_t>((bytes + 3) / 4); }

// Hashes a value without the blanks between its tokens.
uint64_t hash_value(std::string_view value, uint64_t seed) {
  std::string packed;
  packed.reserve(value.size());
  for (size_t at = 0; at < value.size();) {
    char c = value[at];
    if (c == '"') {
      size_t length = json_extent(value.substr(at));
      packed.append(value.substr(at, length));
      at += length;
      continue;
    }
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') packed.push_back(c);
    ++at;
  }
  return hash_bytes(packed, seed);
}

std::string place(std::string_view list, size_t index) { return std::string(list) + "." + std::to_string(index); }

std::string place(size_t message, size_t block) {
  return "messages." + std::to_string(message) + ".content." + std::to_string(block);
}

class Walk {
 public:
  Walk(const MessageParams& params, ApiVersion version, bool with_units)
      : params_(params), version_(version), with_units_(with_units) {}

  Answered<Prompt> run() {
    if (auto ok = tools(); !ok) return std::unexpected(ok.error());
    if (auto ok = system(); !ok) return std::unexpected(ok.error());
    prompt_.message_units_from = prompt_.units.size();
    if (auto ok = messages(); !ok) return std::unexpected(ok.error());
    if (with_units_) {
      uint64_t mode = hash_value(params_.tool_choice, images_ ? 1 : 0);
      prompt_.message_mode = hash_value(params_.thinking_span, mode);
    }
    if (auto ok = automatic_breakpoint(); !ok) return std::unexpected(ok.error());
    return std::move(prompt_);
  }

 private:
  struct Unit {
    Role role = Role::kUser;
    std::string_view span = {};     // of the block's object, or of a bare string
    std::string_view text = {};     // of a text, quotes included
    std::string_view control = {};  // its cache_control
    size_t bytes = 0;               // for the estimate
    uint32_t extra_tokens = 0;
  };

  Answered<void> tools() {
    if (params_.tools.empty()) return {};
    JsonElements list(params_.tools);
    for (size_t i = 0; list.next(); ++i) {
      if (!is_object(list.value)) return invalid(place("tools", i) + ": Input should be an object");
      Unit unit{.role = Role::kTool, .span = list.value, .bytes = list.value.size()};
      bool named = false;
      bool deferred = false;
      JsonMembers members(list.value);
      while (members.next()) {
        if (members.key == "name") named = is_string(members.value);
        if (members.key == "defer_loading") deferred = members.value == "true";
        if (members.key == "cache_control") leave_out(unit, members);
      }
      if (!named && json_word(list.value, "type") != "mcp_toolset")
        return invalid(place("tools", i) + ".name: Field required");
      if (deferred) continue;
      if (auto ok = add(unit, [&] { return place("tools", i) + "."; }); !ok) return ok;
    }
    return {};
  }

  Answered<void> system() {
    if (params_.system.empty()) return {};
    if (is_string(params_.system)) {
      size_t bytes = json_text_size(params_.system);
      if (bytes == 0) return {};
      return add({.role = Role::kSystem, .span = params_.system, .text = params_.system, .bytes = bytes},
                 [] { return std::string(); });
    }
    JsonElements list(params_.system);
    for (size_t i = 0; list.next(); ++i) {
      auto where = [&] { return place("system", i); };
      if (json_word(list.value, "type") != "text") return invalid(where() + ".type: Input should be 'text'");
      std::string_view span = json_member(list.value, "text");
      if (!is_string(span)) return invalid(where() + ".text: Field required");
      size_t bytes = json_text_size(span);
      if (bytes == 0) return invalid("system: text content blocks must be non-empty");
      Unit unit{.role = Role::kSystem,
                .span = list.value,
                .text = span,
                .control = json_member(list.value, "cache_control"),
                .bytes = bytes};
      if (auto ok = add(unit, [&] { return where() + "."; }); !ok) return ok;
    }
    return {};
  }

  Answered<void> messages() {
    JsonElements list(params_.messages);
    size_t count = 0;
    Role last = Role::kUser;
    for (; list.next(); ++count) {
      if (count == kMessagesMax) return invalid("messages: List should have at most 100000 items");
      if (!is_object(list.value)) return invalid(place("messages", count) + ": Input should be an object");
      std::string_view role_span;
      std::string_view content;
      JsonMembers members(list.value);
      while (members.next()) {
        if (members.key == "role") role_span = members.value;
        if (members.key == "content") content = members.value;
      }
      if (role_span.empty()) return invalid(place("messages", count) + ".role: Field required");
      auto role = role_of(role_span, count);
      if (!role) return std::unexpected(role.error());
      if (is_null(content)) return invalid(place("messages", count) + ".content: Field required");
      if (auto ok = message(count, *role, content); !ok) return ok;
      last = *role;
    }
    if (count == 0) return invalid("messages: at least one message is required");
    if (last == Role::kAssistant && !params_.model->prefill) {
      return invalid(
          "This model does not support assistant message prefill. The conversation must end with a user message.");
    }
    return {};
  }

  static Answered<Role> role_of(std::string_view span, size_t index) {
    if (span == "\"user\"") return Role::kUser;
    if (span == "\"assistant\"") return Role::kAssistant;
    if (span == "\"system\"" && index > 0) return Role::kSystem;
    if (span == "\"system\"") {
      return invalid("messages.0.role: a 'system' message must not come first; use the top-level `system` parameter");
    }
    return invalid(place("messages", index) + ".role: Input should be 'user', 'assistant' or 'system'");
  }

  Answered<void> message(size_t index, Role role, std::string_view content) {
    if (role == Role::kUser) {
      prompt_.last_user_text = {};
      prompt_.answers_tool = false;
    }
    if (is_string(content)) {
      size_t bytes = json_text_size(content);
      if (bytes == 0)
        return invalid("messages." + std::to_string(index) + ": all messages must have non-empty content");
      if (role == Role::kUser) prompt_.last_user_text = content;
      return add({.role = role, .span = content, .text = content, .bytes = bytes, .extra_tokens = kTokensPerMessage},
                 [] { return std::string(); });
    }
    if (!is_array(content))
      return invalid(place("messages", index) + ".content: Input should be a valid string or list");
    JsonElements blocks(content);
    size_t count = 0;
    for (; blocks.next(); ++count) {
      if (auto ok = block(index, count, role, blocks.value); !ok) return ok;
    }
    if (count == 0 && role != Role::kAssistant) {
      return invalid("messages." + std::to_string(index) + ": all messages must have non-empty content");
    }
    return {};
  }

  Answered<void> block(size_t index, size_t number, Role role, std::string_view span) {
    if (!is_object(span)) return invalid(place(index, number) + ": Input should be an object");
    std::string_view type, text_span, source, content, citations;
    Unit unit{.role = role, .span = span, .bytes = span.size(), .extra_tokens = number == 0 ? kTokensPerMessage : 0};
    JsonMembers members(span);
    while (members.next()) {
      if (members.key == "type") type = members.value;
      if (members.key == "text") text_span = members.value;
      if (members.key == "source") source = members.value;
      if (members.key == "content") content = members.value;
      if (members.key == "citations") citations = members.value;
      if (members.key == "cache_control") leave_out(unit, members);
    }
    if (!is_string(type)) return invalid(place(index, number) + ".type: Field required");
    type = type.substr(1, type.size() - 2);
    if (type == "text") {
      if (!is_string(text_span)) return invalid(place(index, number) + ".text.text: Field required");
      unit.text = text_span;
      unit.bytes = json_text_size(text_span);
      if (unit.bytes == 0) return invalid("messages: text content blocks must be non-empty");
      if (role == Role::kUser) prompt_.last_user_text = text_span;
      if (version_ == ApiVersion::k20261021 && role == Role::kUser && is_array(citations) && citations != "[]") {
        return invalid(place(index, number) + ".text.citations: Extra inputs are not permitted");
      }
    } else if (type == "image" || type == "document") {
      if (!is_object(source))
        return invalid(place(index, number) + "." + std::string(type) + ".source: Field required");
      if (type == "image") {
        images_ = true;
        unit.bytes = 0;
        unit.extra_tokens += kTokensPerImage;
      } else if (json_word(source, "type") == "base64") {
        unit.bytes = json_word(source, "data").size() / 25;  // pages weigh far less than their encoding
      }
      if (type == "document" && role == Role::kAssistant && version_ == ApiVersion::k20261021) {
        return invalid(place(index, number) + ": `document` blocks are not permitted in assistant messages");
      }
    } else if (type == "tool_result") {
      if (role == Role::kUser) prompt_.answers_tool = true;
      if (json_word(span, "tool_use_id").empty())
        return invalid(place(index, number) + ".tool_result.tool_use_id: Field required");
      tool_result(content, unit);
    } else if ((type == "thinking" || type == "redacted_thinking") && !is_null(unit.control)) {
      return invalid(place(index, number) + "." + std::string(type) + ".cache_control: Extra inputs are not permitted");
    }
    return add(unit, [&] { return place(index, number) + "." + std::string(type) + "."; });
  }

  // Its content may hold images, which count as such, and a cache_control of its own, which counts as the result's.
  void tool_result(std::string_view content, Unit& unit) {
    if (!is_array(content)) return;
    JsonElements parts(content);
    while (parts.next()) {
      if (json_word(parts.value, "type") == "image") {
        images_ = true;
        unit.bytes -= std::min(unit.bytes, parts.value.size());
        unit.extra_tokens += kTokensPerImage;
      }
      std::string_view control = with_units_ ? json_member(parts.value, "cache_control") : std::string_view{};
      if (!is_null(control) && is_null(unit.control)) unit.control = control;
    }
  }

  static void leave_out(Unit& unit, const JsonMembers& member) {
    unit.control = member.value;
    unit.bytes -= std::min(unit.bytes, member.key.size() + member.value.size() + 4);
  }

  template <class Where>
  Answered<void> add(const Unit& unit, Where&& where) {
    uint32_t tokens = tokens_of(unit.bytes) + unit.extra_tokens;
    prompt_.tokens += tokens;
    if (!with_units_) return {};
    auto ttl = read_cache_control(unit.control, "");
    if (!ttl) return invalid(where() + ttl.error().message);
    prompt_.units.push_back({.hash = hash_of(unit), .tokens = tokens});
    if (*ttl == Ttl::kNone) return {};
    return mark(*ttl, where);
  }

  template <class Where>
  Answered<void> mark(Ttl ttl, Where&& where) {
    prompt_.cached = true;
    prompt_.units.back().breakpoint = ttl;
    if (++breakpoints_ > kBreakpointsMax) {
      return invalid("A maximum of 4 blocks with cache_control may be provided. Found " + std::to_string(breakpoints_) +
                     ".");
    }
    if (ttl == Ttl::k1h && short_seen_) {
      return invalid(
          where() +
          "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
          "Note that blocks are processed in the following order: `tools`, `system`, `messages`.");
    }
    if (ttl == Ttl::k5m) short_seen_ = true;
    return {};
  }

  Answered<void> automatic_breakpoint() {
    if (params_.automatic_cache == Ttl::kNone || prompt_.units.empty()) return {};
    if (prompt_.units.back().breakpoint != Ttl::kNone) return {};
    return mark(params_.automatic_cache, [] { return std::string(); });
  }

  static uint64_t hash_of(const Unit& unit) {
    auto role = static_cast<uint64_t>(unit.role) + 1;
    std::string room;
    if (!unit.text.empty()) return hash_bytes(json_text(unit.text, room), role);
    uint64_t h = role << 8;
    JsonMembers members(unit.span);
    while (members.next()) {
      if (members.key == "cache_control") continue;
      h = hash_bytes(members.key, h);
      bool parts = members.key == "content" && is_array(members.value);
      h = parts ? hash_parts(members.value, h) : hash_value(members.value, h);
    }
    return h;
  }

  static uint64_t hash_parts(std::string_view array, uint64_t h) {
    JsonElements parts(array);
    while (parts.next()) {
      if (!is_object(parts.value)) {
        h = hash_value(parts.value, h);
        continue;
      }
      JsonMembers members(parts.value);
      while (members.next()) {
        if (members.key != "cache_control") h = hash_value(members.value, hash_bytes(members.key, h));
      }
      h = mix(h, 1);
    }
    return h;
  }

  const MessageParams& params_;
  ApiVersion version_;
  bool with_units_;
  bool images_ = false;
  bool short_seen_ = false;
  size_t breakpoints_ = 0;
  Prompt prompt_;
};

}  // namespace

Answered<Prompt> read_prompt(const MessageParams& params, ApiVersion version, bool with_units) {
  return Walk(params, version, with_units).run();
}

}  // namespace baton::sim
