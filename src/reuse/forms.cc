#include "reuse/forms.h"

#include <vector>

#include "http/json.h"
#include "http/sse.h"
#include "reuse/json_tree.h"

namespace baton::reuse {

namespace {

using Node = JsonTree::Node;
using Kind = JsonTree::Kind;

// Writes an object member by member.
class ObjectText {
 public:
  void raw(std::string_view quoted_key, std::string_view value) {
    separate();
    out_.append(quoted_key).append(":").append(value);
  }
  void text(std::string_view quoted_key, std::string_view value) {
    separate();
    out_.append(quoted_key).push_back(':');
    http::append_json_string(out_, value);
  }
  std::string done() && {
    out_.push_back('}');
    return std::move(out_);
  }

 private:
  void separate() {
    if (out_.size() > 1) out_.push_back(',');
  }
  std::string out_ = "{";
};

void append_event(std::string& out, std::string_view name, std::string_view data) {
  out.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

void append_delta(std::string& out, size_t index, std::string_view type, std::string_view quoted_key,
                  std::string_view value) {
  ObjectText delta;
  delta.text("\"type\"", type);
  delta.raw(quoted_key, value);
  ObjectText event;
  event.raw("\"type\"", "\"content_block_delta\"");
  event.raw("\"index\"", std::to_string(index));
  event.raw("\"delta\"", std::move(delta).done());
  append_event(out, "content_block_delta", std::move(event).done());
}

std::string json_text(std::string_view plain) {
  std::string out;
  http::append_json_string(out, plain);
  return out;
}

// What of a block travels in deltas, and what its content_block_start has in its place.
struct Moved {
  std::string_view block_type;
  std::string_view member;
  std::string_view delta_type;
  std::string_view delta_member;  // quoted
  std::string_view at_start;
  bool as_text = false;  // the member's JSON becomes a string
  bool each = false;     // one delta for each element
};
constexpr Moved kMoved[] = {
    {"text", "citations", "citations_delta", "\"citation\"", "[]", false, true},
    {"text", "text", "text_delta", "\"text\"", "\"\"", false, false},
    {"thinking", "thinking", "thinking_delta", "\"thinking\"", "\"\"", false, false},
    {"thinking", "signature", "signature_delta", "\"signature\"", "\"\"", false, false},
    {"tool_use", "input", "input_json_delta", "\"partial_json\"", "{}", true, false},
    {"server_tool_use", "input", "input_json_delta", "\"partial_json\"", "{}", true, false},
    {"mcp_tool_use", "input", "input_json_delta", "\"partial_json\"", "{}", true, false},
};

bool append_block(std::string& out, const JsonTree& tree, Node block, size_t index) {
  const auto type = tree.string(block, "type");
  if (!type) return false;
  const auto moved_of = [&](Node member) -> const Moved* {
    for (const Moved& moved : kMoved) {
      if (moved.block_type == *type && tree.find(block, moved.member) == member && tree.kind(member) != Kind::kNull)
        return &moved;
    }
    return nullptr;
  };
  ObjectText start;
  for (Node member = tree.first(block); member != 0; member = tree.next(member)) {
    const Moved* moved = moved_of(member);
    start.raw(tree.key(member), moved != nullptr ? moved->at_start : tree.text(member));
  }
  ObjectText event;
  event.raw("\"type\"", "\"content_block_start\"");
  event.raw("\"index\"", std::to_string(index));
  event.raw("\"content_block\"", std::move(start).done());
  append_event(out, "content_block_start", std::move(event).done());
  for (const Moved& moved : kMoved) {
    if (moved.block_type != *type) continue;
    const auto member = tree.find(block, moved.member);
    if (!member || tree.kind(*member) == Kind::kNull) continue;
    if (moved.each) {
      if (tree.kind(*member) != Kind::kArray) return false;
      for (Node one = tree.first(*member); one != 0; one = tree.next(one))
        append_delta(out, index, moved.delta_type, moved.delta_member, tree.text(one));
      continue;
    }
    append_delta(out, index, moved.delta_type, moved.delta_member,
                 moved.as_text ? json_text(tree.text(*member)) : std::string(tree.text(*member)));
  }
  append_event(out, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":" + std::to_string(index) + "}");
  return true;
}

// What a message_delta states instead of message_start.
bool is_told_at_end(std::string_view name) {
  return name == "stop_reason" || name == "stop_sequence" || name == "stop_details" || name == "container" ||
         name == "context_management";
}

}  // namespace

std::optional<std::string> events_of_message(std::string_view message) {
  JsonTree tree;
  if (!tree.parse(message) || tree.kind(0) != Kind::kObject) return std::nullopt;
  const auto content = tree.find(0, "content");
  if (!content || tree.kind(*content) != Kind::kArray || tree.string(0, "type") != "message") return std::nullopt;
  ObjectText opening, ending;
  for (Node member = tree.first(0); member != 0; member = tree.next(member)) {
    const std::string_view quoted = tree.key(member);
    const std::string_view name = quoted.substr(1, quoted.size() - 2);
    if (member == *content) {
      opening.raw(quoted, "[]");
    } else if (is_told_at_end(name)) {
      opening.raw(quoted, "null");
      ending.raw(quoted, tree.text(member));
    } else {
      opening.raw(quoted, tree.text(member));
    }
  }
  std::string out;
  out.reserve(message.size() + 1024);
  append_event(out, "message_start", "{\"type\":\"message_start\",\"message\":" + std::move(opening).done() + "}");
  size_t index = 0;
  for (Node block = tree.first(*content); block != 0; block = tree.next(block)) {
    if (!append_block(out, tree, block, index++)) return std::nullopt;
  }
  ObjectText last;
  last.raw("\"type\"", "\"message_delta\"");
  last.raw("\"delta\"", std::move(ending).done());
  if (const auto usage = tree.find(0, "usage")) last.raw("\"usage\"", tree.text(*usage));
  append_event(out, "message_delta", std::move(last).done());
  append_event(out, "message_stop", "{\"type\":\"message_stop\"}");
  return out;
}

namespace {

// The members of an object as they are written, some of them replaced; new ones follow.
class Members {
 public:
  void take(const JsonTree& tree, Node object) {
    for (Node member = tree.first(object); member != 0; member = tree.next(member))
      set(tree.key(member), std::string(tree.text(member)));
  }
  void set(std::string_view quoted_key, std::string value) {
    if (std::string* known = find(quoted_key)) {
      *known = std::move(value);
      return;
    }
    members_.emplace_back(quoted_key, std::move(value));
  }
  std::string* find(std::string_view quoted_key) {
    for (auto& [key, value] : members_) {
      if (key == quoted_key) return &value;
    }
    return nullptr;
  }
  std::string text() const {
    ObjectText out;
    for (const auto& [key, value] : members_) out.raw(key, value);
    return std::move(out).done();
  }

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

struct Block {
  Members members;
  std::string type;
  std::string added[std::size(kMoved)];
  bool any[std::size(kMoved)] = {};
};

// Adds a stream up.
class Adder {
 public:
  bool event(std::string_view data) {
    if (stopped_ || !tree_.parse(data)) return false;
    const auto type = tree_.string(0, "type");
    if (!type) return false;
    if (*type == "ping") return true;
    if (*type == "message_start") return start();
    if (!started_) return false;
    if (*type == "content_block_start") return block_start();
    if (*type == "content_block_delta") return block_delta();
    if (*type == "content_block_stop") return true;
    if (*type == "message_delta") return message_delta();
    if (*type == "message_stop") return stopped_ = true;
    return false;
  }

  std::optional<std::string> message() {
    if (!stopped_) return std::nullopt;
    std::string content = "[";
    for (Block& block : blocks_) {
      if (content.size() > 1) content.push_back(',');
      for (size_t i = 0; i < std::size(kMoved); ++i) {
        if (block.any[i]) block.members.set('"' + std::string(kMoved[i].member) + '"', whole(block, i));
      }
      content.append(block.members.text());
    }
    message_.set("\"content\"", content + "]");
    message_.set("\"usage\"", usage_.text());
    return message_.text();
  }

 private:
  static std::string whole(const Block& block, size_t i) {
    const Moved& moved = kMoved[i];
    if (moved.each) return "[" + block.added[i] + "]";
    if (moved.as_text) return block.added[i].empty() ? "{}" : block.added[i];
    return json_text(block.added[i]);
  }
  bool start() {
    const auto message = tree_.find(0, "message");
    if (started_ || !message || tree_.kind(*message) != Kind::kObject) return false;
    message_.take(tree_, *message);
    if (const auto usage = tree_.find(*message, "usage")) usage_.take(tree_, *usage);
    return started_ = true;
  }
  std::optional<size_t> index() {
    const auto node = tree_.find(0, "index");
    const auto number = node ? http::json_int(tree_.text(*node)) : std::nullopt;
    if (!number || *number < 0) return std::nullopt;
    return static_cast<size_t>(*number);
  }
  bool block_start() {
    const auto block = tree_.find(0, "content_block");
    if (!block || index() != blocks_.size()) return false;
    const auto type = tree_.string(*block, "type");
    if (!type) return false;
    Block& added = blocks_.emplace_back();
    added.type = *type;
    added.members.take(tree_, *block);
    return true;
  }
  bool block_delta() {
    const auto at = index();
    const auto delta = tree_.find(0, "delta");
    if (!at || *at >= blocks_.size() || !delta) return false;
    const auto type = tree_.string(*delta, "type");
    Block& block = blocks_[*at];
    for (size_t i = 0; i < std::size(kMoved); ++i) {
      const Moved& moved = kMoved[i];
      if (moved.block_type != block.type || !type || moved.delta_type != *type) continue;
      const auto value = tree_.find(*delta, moved.delta_member.substr(1, moved.delta_member.size() - 2));
      if (!value) return false;
      block.any[i] = true;
      if (moved.each) {
        if (!block.added[i].empty()) block.added[i].push_back(',');
        block.added[i].append(tree_.text(*value));
        return true;
      }
      return append_unescaped(block.added[i], tree_.text(*value));
    }
    return false;
  }
  bool message_delta() {
    if (const auto delta = tree_.find(0, "delta"); delta && tree_.kind(*delta) == Kind::kObject)
      message_.take(tree_, *delta);
    if (const auto usage = tree_.find(0, "usage"); usage && tree_.kind(*usage) == Kind::kObject)
      usage_.take(tree_, *usage);
    return true;
  }

  JsonTree tree_;
  Members message_;
  Members usage_;
  std::vector<Block> blocks_;
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace

std::optional<std::string> message_of_events(std::string_view events) {
  Adder adder;
  bool good = true;
  http::SseScanner scanner(events.size() + 1);
  scanner.feed(events, [&](const http::SseEvent& event) { good = good && adder.event(event.data); });
  if (!good) return std::nullopt;
  return adder.message();
}

}  // namespace baton::reuse
