#include "dialect/prompt_prefixes.h"

#include "base/hash.h"
#include "dialect/unmarked.h"
#include "http/json_view.h"

namespace baton::dialect {

using http::JsonElements;
using http::JsonMembers;
using model::CacheMark;

namespace {

constexpr size_t kBytesPerToken = 4;
constexpr uint32_t kTokensPerMessage = 3;
constexpr uint32_t kTokensPerImage = 1'500;

CacheMark mark_of(std::string_view control) {
  if (!http::is_object(control)) return CacheMark::kNone;
  return http::json_word(control, "ttl") == "1h" ? CacheMark::k1h : CacheMark::k5m;
}

// A mark inside a tool's result counts as the result's own.
CacheMark mark_inside(std::string_view content) {
  if (!http::is_array(content)) return CacheMark::kNone;
  JsonElements parts(content);
  while (parts.next()) {
    if (const CacheMark mark = mark_of(http::json_member(parts.value, "cache_control")); mark != CacheMark::kNone)
      return mark;
  }
  return CacheMark::kNone;
}

class Walk {
 public:
  explicit Walk(uint64_t seed) : hash_(seed) {}

  void tools(std::string_view list) {
    JsonElements tools(list);
    while (tools.next()) {
      bool deferred = false;
      CacheMark mark = CacheMark::kNone;
      JsonMembers members(tools.value);
      while (members.next()) {
        if (members.key == "defer_loading") deferred = members.value == "true";
        if (members.key == "cache_control") mark = mark_of(members.value);
      }
      if (!deferred) add(hash_unmarked(tools.value, 't'), tools.value.size(), mark);
    }
  }

  // What system and a message's content have in common: one string, or blocks.
  void content(std::string_view content, std::string_view role) {
    if (http::is_string(content)) {
      text(content, role, CacheMark::kNone);
      return;
    }
    JsonElements blocks(content);
    while (blocks.next()) block(blocks.value, role);
  }

  void messages(std::string_view list) {
    JsonElements messages(list);
    while (messages.next()) {
      std::string_view role, body;
      JsonMembers members(messages.value);
      while (members.next()) {
        if (members.key == "role") role = members.value;
        if (members.key == "content") body = members.value;
      }
      prompt_.tokens += kTokensPerMessage;
      content(body, role);
    }
  }

  void turn_to_messages(const PromptSpans& spans) { hash_ = hash64(spans.thinking, hash64(spans.tool_choice, hash_)); }

  model::Prompt finish(std::string_view control) {
    auto& all = prompt_.prefixes;
    if (const CacheMark last = mark_of(control); last != CacheMark::kNone && unmarked_ > 0) mark_last(last);
    all.resize(all.size() - unmarked_);
    return std::move(prompt_);
  }

 private:
  void block(std::string_view block, std::string_view role) {
    std::string_view type, plain, content;
    CacheMark mark = CacheMark::kNone;
    JsonMembers members(block);
    while (members.next()) {
      if (members.key == "type") type = members.value;
      if (members.key == "text") plain = members.value;
      if (members.key == "content") content = members.value;
      if (members.key == "cache_control") mark = mark_of(members.value);
    }
    if (type == "\"text\"" && http::is_string(plain)) return text(plain, role, mark);
    if (mark == CacheMark::kNone && type == "\"tool_result\"") mark = mark_inside(content);
    const size_t bytes = type == "\"image\"" ? kTokensPerImage * kBytesPerToken : block.size();
    add(hash_unmarked(block, hash64(role)), bytes, mark);
  }

  void text(std::string_view quoted, std::string_view role, CacheMark mark) {
    add(hash64(quoted, hash64(role) + 1), quoted.size(), mark);
  }

  void add(uint64_t block, size_t bytes, CacheMark mark) {
    const uint64_t pair[2] = {hash_, block};
    hash_ = hash64({reinterpret_cast<const char*>(pair), sizeof pair});
    prompt_.tokens += static_cast<uint32_t>((bytes + kBytesPerToken - 1) / kBytesPerToken);
    auto& all = prompt_.prefixes;
    // Of borders without a mark behind them only the last can still be looked back at.
    if (unmarked_ == 2 * model::kCacheLookback) {
      all.erase(all.end() - 2 * model::kCacheLookback, all.end() - model::kCacheLookback);
      unmarked_ = model::kCacheLookback;
    }
    all.push_back({.hash = hash_, .tokens = prompt_.tokens});
    ++unmarked_;
    if (mark != CacheMark::kNone) mark_last(mark);
  }

  void mark_last(CacheMark mark) {
    if (marks_ == model::kCacheMarksMax) return;
    ++marks_;
    auto& all = prompt_.prefixes;
    if (unmarked_ > model::kCacheLookback) {
      const auto run = all.end() - static_cast<ptrdiff_t>(unmarked_);
      all.erase(run, all.end() - model::kCacheLookback);
    }
    all.back().mark = mark;
    unmarked_ = 0;
  }

  uint64_t hash_;
  model::Prompt prompt_;
  size_t unmarked_ = 0;  // at the end of the prefixes
  size_t marks_ = 0;
};

}  // namespace

model::Prompt read_prompt(const PromptSpans& spans, uint64_t seed) {
  Walk walk(seed);
  walk.tools(spans.tools);
  walk.content(spans.system, "\"system\"");
  walk.turn_to_messages(spans);
  walk.messages(spans.messages);
  return walk.finish(spans.cache_control);
}

}  // namespace baton::dialect
