#include "reuse/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/ascii.h"

namespace baton::reuse {

namespace {

using Node = JsonTree::Node;
using Kind = JsonTree::Kind;

constexpr std::string_view kBilling = "x-anthropic-billing-header:";

void append_count(std::string& out, size_t count) {
  const auto n = static_cast<uint32_t>(count);
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(n >> shift & 0xff));
}

void append_text(std::string& out, std::string_view text) {
  append_count(out, text.size());
  out.append(text);
}

bool append_string(std::string& out, std::string_view quoted) {
  const size_t at = out.size();
  append_count(out, 0);
  if (!append_unescaped(out, quoted)) return false;
  const size_t bytes = out.size() - at - 4;
  for (unsigned i = 0; i < 4; ++i) out[at + i] = static_cast<char>(bytes >> (8 * i) & 0xff);
  return true;
}

bool is_transport(std::string_view key) { return key == "stream" || key == "metadata" || key == "diagnostics"; }

// The block that Claude Code puts first in `system`, with figures of its own session.
bool is_billing_block(const JsonTree& tree, Node node) {
  const auto text = tree.string(node, "text");
  return text && text->starts_with(kBilling);
}

class Writer {
 public:
  Writer(const JsonTree& tree, std::string& out) : tree_(tree), out_(out) {}

  bool value(Node node, Node skip = 0) {
    switch (tree_.kind(node)) {
      case Kind::kObject: return object(node, /*top=*/false);
      case Kind::kArray: return array(node, skip);
      case Kind::kString: out_.push_back('s'); return append_string(out_, tree_.text(node));
      case Kind::kNumber:
        out_.push_back('n');
        append_text(out_, tree_.text(node));
        return true;
      case Kind::kBool: out_.push_back(tree_.text(node) == "true" ? 't' : 'f'); return true;
      case Kind::kNull: out_.push_back('z'); return true;
    }
    return false;
  }

  bool object(Node node, bool top) {
    struct Member {
      std::string key;
      Node value;
    };
    std::vector<Member> members;
    for (Node child = tree_.first(node); child != 0; child = tree_.next(child)) {
      std::string key;
      if (!append_unescaped(key, tree_.key(child))) return false;
      if (top && is_transport(key)) continue;
      members.push_back({std::move(key), child});
    }
    std::ranges::sort(members, {}, &Member::key);
    if (std::ranges::adjacent_find(members, {}, &Member::key) != members.end()) return false;
    out_.push_back('o');
    append_count(out_, members.size());
    for (const Member& member : members) {
      append_text(out_, member.key);
      Node skip = 0;
      if (top && member.key == "system" && tree_.kind(member.value) == Kind::kArray) {
        const Node first = tree_.first(member.value);
        if (first != 0 && is_billing_block(tree_, first)) skip = first;
      }
      if (!value(member.value, skip)) return false;
    }
    return true;
  }

 private:
  bool array(Node node, Node skip) {
    size_t count = 0;
    for (Node child = tree_.first(node); child != 0; child = tree_.next(child)) count += child != skip ? 1 : 0;
    out_.push_back('a');
    append_count(out_, count);
    for (Node child = tree_.first(node); child != 0; child = tree_.next(child)) {
      if (child != skip && !value(child)) return false;
    }
    return true;
  }

  const JsonTree& tree_;
  std::string& out_;
};

void append_betas(std::string& out, std::span<const std::string_view> fields) {
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
  append_count(out, betas.size());
  for (std::string_view beta : betas) append_text(out, beta);
}

}  // namespace

bool append_canonical(std::string& out, const Question& question, JsonTree& tree) {
  if (!tree.parse(question.body) || tree.kind(0) != Kind::kObject) return false;
  append_text(out, question.tenant);
  append_text(out, question.path);
  append_text(out, question.version);
  append_betas(out, question.betas);
  return Writer(tree, out).object(0, /*top=*/true);
}

std::optional<Digest> Digester::digest(const Question& question) {
  if (question.body.size() > kRequestBytesMax) return std::nullopt;
  canonical_.clear();
  if (!append_canonical(canonical_, question, tree_)) return std::nullopt;
  const TenantSecret& secret = secret_of(question.tenant);
  const XXH128_hash_t hash =
      XXH3_128bits_withSecret(canonical_.data(), canonical_.size(), secret.data(), secret.size());
  Digest digest{.key = {.low = hash.low64, .high = hash.high64}, .identity = sha256(canonical_)};
  if (canonical_.capacity() > kMiB) std::string().swap(canonical_);
  return digest;
}

const Digester::TenantSecret& Digester::secret_of(std::string_view tenant) {
  if (auto found = tenants_.find(std::string(tenant)); found != tenants_.end()) return found->second;
  if (tenants_.size() >= kTenantsMax) tenants_.clear();
  TenantSecret secret;
  const std::string_view own(reinterpret_cast<const char*>(secret_.data()), secret_.size());
  for (size_t i = 0; i < secret.size(); i += sizeof(Sha256)) {
    const Sha256 part = hmac_sha256(own, std::string(tenant) + '\0' + static_cast<char>('0' + i / sizeof(Sha256)));
    std::ranges::copy(part, secret.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return tenants_.emplace(tenant, secret).first->second;
}

}  // namespace baton::reuse
