#include "dialect/call_labels.h"

#include <algorithm>

#include "base/ascii.h"

namespace baton::dialect {
namespace {

constexpr std::string_view kClaudeCode = "x-claude-code-";

bool is_tag_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-/:=").find(c) != std::string_view::npos;
}

// Whatever is not a printable character ends an id: it is only a label.
std::string label(std::string_view value) {
  value = value.substr(0, kLabelBytesMax);
  const auto end = std::ranges::find_if(value, [](char c) { return c < 0x20 || c > 0x7e; });
  return std::string(value.begin(), end);
}

}  // namespace

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kTagBytesMax && std::ranges::all_of(text, is_tag_character) &&
         std::ranges::count(text, '=') <= 1 && text.front() != '=';
}

Expected<std::string> join_tags(std::vector<std::string_view> lists) {
  std::vector<std::string_view> tags;
  for (std::string_view list : lists) {
    while (!list.empty()) {
      const size_t comma = list.find(',');
      const std::string_view tag = ascii::trim(list.substr(0, comma));
      list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
      if (tag.empty()) continue;
      if (!is_tag(tag)) {
        return fail(
            ErrorCode::kBadRequest, Fault::kClient,
            "A tag in baton-tags is not acceptable: tags are 1 to 64 letters, digits or . _ - / : with at most one "
            "= inside, and commas between them.");
      }
      tags.push_back(tag);
      if (tags.size() > 2 * kTagsMax) break;
    }
  }
  std::ranges::sort(tags);
  tags.erase(std::ranges::unique(tags).begin(), tags.end());
  if (tags.size() > kTagsMax) {
    return fail(ErrorCode::kBadRequest, Fault::kClient, "There are more than 16 tags in baton-tags. Send fewer.");
  }
  std::string out;
  for (std::string_view tag : tags) out.append(out.empty() ? "" : ",").append(tag);
  return out;
}

Expected<CallLabels> read_labels(const http::RequestHead& head, std::string_view key_tags) {
  CallLabels labels;
  std::vector<std::string_view> lists;
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kBatonOther) {
      if (ascii::equal_ignoring_case(field.name, "baton-tags")) lists.push_back(field.value);
    } else if (field.id == http::FieldId::kOther && ascii::starts_with_ignoring_case(field.name, kClaudeCode)) {
      const std::string_view what = std::string_view(field.name).substr(kClaudeCode.size());
      if (ascii::equal_ignoring_case(what, "session-id")) labels.session_id = label(field.value);
      if (ascii::equal_ignoring_case(what, "agent-id")) labels.agent_id = label(field.value);
      if (ascii::equal_ignoring_case(what, "parent-agent-id")) labels.parent_agent_id = label(field.value);
    }
  }
  if (lists.empty()) {
    labels.tags = key_tags;
    return labels;
  }
  lists.push_back(key_tags);
  Expected<std::string> tags = join_tags(std::move(lists));
  if (!tags) return std::unexpected(tags.error());
  labels.tags = std::move(*tags);
  return labels;
}

}  // namespace baton::dialect
