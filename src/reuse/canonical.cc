#include "reuse/canonical.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/units.h"

namespace baton::reuse {

namespace {

using Kind = JsonTree::Kind;

constexpr std::string_view kBilling = "x-anthropic-billing-header:";
constexpr size_t kKeptBytes = 1 * kMiB;
// Beyond a value's own bytes: its kind, its length, and what copying by blocks may write too far.
constexpr size_t kValueRoom = 32;
constexpr size_t kInsertedMembers = 24;

bool is_transport(std::string_view name) { return name == "stream" || name == "metadata" || name == "diagnostics"; }

uint64_t prefix_of(std::string_view name) {
  uint64_t prefix = 0;
  std::memcpy(&prefix, name.data(), std::min<size_t>(name.size(), sizeof prefix));
  return __builtin_bswap64(prefix);
}

}  // namespace

void Canonical::make_room(size_t bytes) {
  if (room_bytes_ < bytes) {
    room_ = std::make_unique_for_overwrite<char[]>(bytes);
    room_bytes_ = bytes;
  }
  at_ = room_.get();
  end_ = at_ + room_bytes_;
}

void Canonical::shrink() {
  if (room_bytes_ <= kKeptBytes) return;
  room_.reset();
  room_bytes_ = 0;
  at_ = end_ = nullptr;
  std::vector<Member>().swap(members_);
  std::vector<std::unique_ptr<std::string>>().swap(unescaped_);
  tree_ = {};
}

void Canonical::put_count(size_t count) {
  const auto n = static_cast<uint32_t>(count);
  for (unsigned shift = 0; shift < 32; shift += 8) *at_++ = static_cast<char>(n >> shift & 0xff);
}

bool Canonical::put_text(std::string_view text) {
  if (!has_room(text.size() + kValueRoom)) return false;
  put_count(text.size());
  if (!text.empty()) std::memcpy(at_, text.data(), text.size());
  at_ += text.size();
  return true;
}

bool Canonical::put_string(std::string_view quoted, bool escaped) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (!escaped) return put_text(inside);
  if (!has_room(inside.size() + kUnescapeRoom + kValueRoom)) return false;
  char* const begin = at_ + sizeof(uint32_t);
  char* const end = write_unescaped(begin, inside);
  if (end == nullptr) return false;
  put_count(static_cast<size_t>(end - begin));
  at_ = end;
  return true;
}

bool Canonical::put_betas(std::span<const std::string_view> fields) {
  std::vector<std::string_view> betas;
  for (std::string_view field : fields) {
    while (!field.empty()) {
      const size_t comma = field.find(',');
      const std::string_view beta = ascii::trim(field.substr(0, comma));
      if (!beta.empty()) betas.push_back(beta);
      field = comma == field.npos ? std::string_view{} : field.substr(comma + 1);
    }
  }
  std::ranges::sort(betas);
  betas.erase(std::ranges::unique(betas).begin(), betas.end());
  if (!has_room(kValueRoom)) return false;
  put_count(betas.size());
  return std::ranges::all_of(betas, [this](std::string_view beta) { return put_text(beta); });
}

std::string_view Canonical::name_of(Node member) {
  const std::string_view written = tree_.key(member);
  if (!tree_.key_escaped(member)) return written.substr(1, written.size() - 2);
  std::string& plain = *unescaped_.emplace_back(std::make_unique<std::string>());
  if (!append_unescaped(plain, written)) return {};
  return plain;
}

// The block that Claude Code puts first in `system`, with figures of its own session.
bool Canonical::is_billing_block(Node node) const {
  const auto text = tree_.string(node, "text");
  return text && text->starts_with(kBilling);
}

// Puts the members of an object behind those that are there.
bool Canonical::gather(Node object, bool top, bool& in_order) {
  const size_t first = members_.size();
  for (Node child = tree_.first(object); child != 0; child = tree_.next(child)) {
    const std::string_view name = name_of(child);
    if (name.data() == nullptr) return false;
    if (top && is_transport(name)) continue;
    members_.push_back({prefix_of(name), name, child});
    const size_t count = members_.size();
    if (count > first + 1 && !(members_[count - 2] < members_[count - 1])) in_order = false;
  }
  return true;
}

bool Canonical::put_object(Node node, bool top) {
  const size_t first = members_.size();
  bool in_order = true;
  if (!gather(node, top, in_order)) return false;
  const size_t count = members_.size() - first;
  if (!in_order) {
    const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
    if (count > kInsertedMembers) {
      std::sort(begin, members_.end());
    } else {
      for (auto one = begin + 1; one < members_.end(); ++one) {
        const Member moved = *one;
        auto to = one;
        for (; to > begin && moved < to[-1]; --to) *to = to[-1];
        *to = moved;
      }
    }
    for (size_t i = first + 1; i < members_.size(); ++i) {
      if (members_[i].prefix == members_[i - 1].prefix && members_[i].name == members_[i - 1].name) return false;
    }
  }
  if (!has_room(kValueRoom)) return false;
  *at_++ = 'o';
  put_count(count);
  for (size_t i = first; i < first + count; ++i) {
    const Member member = members_[i];
    if (!put_text(member.name)) return false;
    Node skip = 0;
    if (top && member.name == "system" && tree_.kind(member.value) == Kind::kArray) {
      const Node block = tree_.first(member.value);
      if (block != 0 && is_billing_block(block)) skip = block;
    }
    if (!put_value(member.value, skip)) return false;
  }
  members_.resize(first);
  return true;
}

bool Canonical::put_array(Node node, Node skip) {
  size_t count = 0;
  for (Node child = tree_.first(node); child != 0; child = tree_.next(child)) count += child != skip ? 1 : 0;
  *at_++ = 'a';
  put_count(count);
  for (Node child = tree_.first(node); child != 0; child = tree_.next(child)) {
    if (child != skip && !put_value(child, 0)) return false;
  }
  return true;
}

bool Canonical::put_value(Node node, Node skip) {
  if (!has_room(kValueRoom)) return false;
  switch (tree_.kind(node)) {
    case Kind::kObject: return put_object(node, /*top=*/false);
    case Kind::kArray: return put_array(node, skip);
    case Kind::kString: *at_++ = 's'; return put_string(tree_.text(node), tree_.escaped(node));
    case Kind::kNumber: *at_++ = 'n'; return put_text(tree_.text(node));
    case Kind::kBool: *at_++ = tree_.text(node) == "true" ? 't' : 'f'; return true;
    case Kind::kNull: *at_++ = 'z'; return true;
  }
  return false;
}

bool Canonical::write(const Question& question) {
  members_.clear();
  unescaped_.clear();
  size_t beside = question.tenant.size() + question.path.size() + question.version.size() + 8 * kValueRoom;
  for (std::string_view field : question.betas) beside += 4 * field.size() + kValueRoom;
  // A value takes at most so much more than it is written in (a digit and a comma become six bytes).
  make_room(4 * question.body.size() + beside);
  if (!tree_.parse(question.body) || tree_.kind(0) != Kind::kObject) return false;
  return put_text(question.tenant) && put_text(question.path) && put_text(question.version) &&
         put_betas(question.betas) && put_object(0, /*top=*/true);
}

}  // namespace baton::reuse
