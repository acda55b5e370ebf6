// Canonical: the text that a question is digested over: the same for two questions of one meaning, another one for any
// other. Members in the order of their names, strings by their characters, each value with its kind and length in
// front; without blanks, `stream`, `metadata`, `diagnostics` and the block that Claude Code puts first in `system`.
// Written in one go over the values of the body; sorted are only objects whose members are not in order.
// Life: one per loop, keeps its room up to 1 MiB. Thread: one at a time. Bounds: kJsonDepthMax; four times the body and
// what stands beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reuse/json_tree.h"

namespace baton::reuse {

struct Question {
  std::string_view tenant;
  std::string_view path;                    // and query
  std::string_view version;                 // of the API
  std::span<const std::string_view> betas;  // field values, each a list
  std::string_view body;                    // one JSON object, plain, whose syntax has been checked
};

class Canonical {
 public:
  // False when the body has no single meaning (a name twice in some object).
  bool write(const Question& question);
  // Of the question written last; until the next call.
  std::string_view text() const { return {room_.get(), static_cast<size_t>(at_ - room_.get())}; }
  // Gives back what a large question took.
  void shrink();

 private:
  using Node = JsonTree::Node;

  // A member of an object that is being written.
  struct Member {
    uint64_t prefix = 0;  // the name's first bytes, so that most are ordered by one comparison
    std::string_view name;
    Node value = 0;
    friend bool operator<(const Member& a, const Member& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : a.name < b.name;
    }
  };
  void make_room(size_t bytes);
  bool has_room(size_t bytes) const { return static_cast<size_t>(end_ - at_) >= bytes; }
  void put_count(size_t count);
  bool put_text(std::string_view text);
  bool put_string(std::string_view quoted, bool escaped);
  bool put_betas(std::span<const std::string_view> fields);
  bool put_value(Node node, Node skip);
  bool put_object(Node node, bool top);
  bool put_array(Node node, Node skip);
  bool gather(Node object, bool top, bool& in_order);
  std::string_view name_of(Node member);
  bool is_billing_block(Node node) const;

  JsonTree tree_;
  std::unique_ptr<char[]> room_;
  size_t room_bytes_ = 0;
  char* at_ = nullptr;
  char* end_ = nullptr;
  std::vector<Member> members_;  // of all objects that are open, the outermost first
  // Names that are written with escapes; those of one question.
  std::vector<std::unique_ptr<std::string>> unescaped_;
};

}  // namespace baton::reuse
