// CallLabels: what a client says about a call for the operator's accounts: tags of its own choice in `baton-tags`, and
// Claude Code's session and agents. None of it reaches the vendor's limits or changes how the call is served.
// Life: values. Thread: any; pure. Bounds: kTagsMax tags of kTagBytesMax bytes; ids are cut at kLabelBytesMax.
// Source: Claude Code, fields that gateways may use (read 2026-11).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/http1.h"

namespace baton::dialect {

inline constexpr size_t kTagsMax = 16;
inline constexpr size_t kTagBytesMax = 64;
inline constexpr size_t kLabelBytesMax = 128;

struct CallLabels {
  std::string tags;  // sorted, each once, with commas between
  std::string session_id;
  std::string agent_id;
  std::string parent_agent_id;
};

// A tag: letters, digits and . _ - / : with at most one '=' inside ("env=ci").
bool is_tag(std::string_view text);
// Sorted, each once, with commas between. kBadRequest with a sentence: something is no tag, or there are too many.
// Blanks around tags are taken away; an empty list is no tags.
Expected<std::string> join_tags(std::vector<std::string_view> lists);

// `key_tags`: those of the caller's key, added to the request's.
Expected<CallLabels> read_labels(const http::RequestHead& head, std::string_view key_tags);

}  // namespace baton::dialect
