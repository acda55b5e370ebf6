#include "reuse/last_text.h"

#include <algorithm>
#include <iterator>

namespace baton::reuse {

namespace {

using Node = JsonTree::Node;
using Kind = JsonTree::Kind;

// Every field of a call that may be taken apart. `thinking`, `tools`, `tool_choice`, `mcp_servers`, `container`,
// `context_management`, `output_format`, `safeguards` and all that is to come are not here.
constexpr std::string_view kFields[] = {"model",       "messages", "max_tokens", "system",         "stream",
                                        "temperature", "top_p",    "top_k",      "stop_sequences", "metadata"};

bool is_known(std::string_view quoted_key) {
  const std::string_view key = quoted_key.substr(1, quoted_key.size() - 2);
  return std::ranges::find(kFields, key) != std::end(kFields);
}

// A text block with nothing besides but a mark for the prompt cache.
bool is_text_block(const JsonTree& tree, Node block) {
  if (tree.kind(block) != Kind::kObject || tree.string(block, "type") != "text") return false;
  for (Node child = tree.first(block); child != 0; child = tree.next(child)) {
    const std::string_view key = tree.key(child);
    if (key != "\"type\"" && key != "\"text\"" && key != "\"cache_control\"") return false;
  }
  const auto text = tree.find(block, "text");
  return text && tree.kind(*text) == Kind::kString;
}

bool is_text(const JsonTree& tree, Node content) {
  if (tree.kind(content) == Kind::kString) return true;
  if (tree.kind(content) != Kind::kArray || tree.first(content) == 0) return false;
  for (Node block = tree.first(content); block != 0; block = tree.next(block)) {
    if (!is_text_block(tree, block)) return false;
  }
  return true;
}

std::optional<Node> content_of(const JsonTree& tree, Node message) {
  if (tree.kind(message) != Kind::kObject) return std::nullopt;
  for (Node child = tree.first(message); child != 0; child = tree.next(child)) {
    if (tree.key(child) != "\"role\"" && tree.key(child) != "\"content\"") return std::nullopt;
  }
  const auto content = tree.find(message, "content");
  if (!content || !is_text(tree, *content)) return std::nullopt;
  return content;
}

}  // namespace

std::optional<LastText> last_user_text(std::string_view body, JsonTree& tree) {
  if (!tree.parse(body) || tree.kind(0) != Kind::kObject) return std::nullopt;
  for (Node child = tree.first(0); child != 0; child = tree.next(child)) {
    if (!is_known(tree.key(child))) return std::nullopt;
  }
  if (const auto system = tree.find(0, "system"); system && !is_text(tree, *system)) return std::nullopt;
  const auto messages = tree.find(0, "messages");
  if (!messages || tree.kind(*messages) != Kind::kArray) return std::nullopt;
  Node last = 0;
  std::optional<Node> content;
  for (Node message = tree.first(*messages); message != 0; message = tree.next(message)) {
    last = message;
    content = content_of(tree, message);
    if (!content) return std::nullopt;
  }
  if (last == 0 || tree.string(last, "role") != "user") return std::nullopt;
  Node said = *content;
  if (tree.kind(said) == Kind::kArray) {
    Node block = tree.first(said);
    while (tree.next(block) != 0) block = tree.next(block);
    said = *tree.find(block, "text");
  }
  const std::string_view written = tree.text(said);
  LastText found;
  found.begin = static_cast<size_t>(written.data() - body.data());
  found.end = found.begin + written.size();
  if (!append_unescaped(found.text, written)) return std::nullopt;
  return found;
}

std::string without(std::string_view body, const LastText& last) {
  std::string rest;
  rest.reserve(body.size() - (last.end - last.begin) + 2);
  return rest.append(body.substr(0, last.begin)).append("\"\"").append(body.substr(last.end));
}

std::optional<std::string> text_of_message(std::string_view message, JsonTree& tree) {
  if (!tree.parse(message) || tree.kind(0) != Kind::kObject) return std::nullopt;
  const auto content = tree.find(0, "content");
  if (!content || tree.kind(*content) != Kind::kArray) return std::nullopt;
  std::string text;
  for (Node block = tree.first(*content); block != 0; block = tree.next(block)) {
    if (tree.kind(block) != Kind::kObject || tree.string(block, "type") != "text") return std::nullopt;
    const auto piece = tree.string(block, "text");
    if (!piece) return std::nullopt;
    text += *piece;
  }
  return text;
}

}  // namespace baton::reuse
