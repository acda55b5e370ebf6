// CallFacts: the little that the relay reads of a Messages request body. The body itself is forwarded as it came.
// Nothing that is wrong only for the vendor (an unknown model, a missing field, a bad max_tokens) is refused here: its
// own 400 is what clients know how to read. Refused is what relay and vendor could read differently. Nothing in a body
// ever chooses a host. Thread: one scanner per thread. Bounds: kModelBytesMax; time linear in the body. Source: vendor
// API reference, Messages (read 2026-11).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dialect/body_names.h"
#include "http/json.h"
#include "model/prompt.h"

namespace baton::dialect {

inline constexpr size_t kModelBytesMax = 256;
// The vendor caches no prompt of fewer than 512 tokens: calls with shorter ones have nothing to find again.
inline constexpr size_t kConversationBytesMin = 2048;

struct CallFacts {
  std::string model;  // printable ASCII; empty when the body names none
  bool stream = false;
  std::optional<int64_t> max_tokens;  // only when it is an exact integer
  uint64_t conversation = 0;          // a hash that the calls of one conversation share, when asked for; 0: none found
  BodyNames names;                    // what its body speaks of
  model::Prompt prompt;               // its cacheable prefixes, when asked for
  bool temperature_zero = false;      // `temperature` is stated, and is 0 however it is spelt
};

// Whether the conversation's hash is wanted: it costs a look at every byte of what comes first in the prompt.
enum class Conversation : uint8_t { kIgnored, kWanted };

// `padded_body` must be followed by http::kJsonPadding readable bytes; it is borrowed for the call only.
// kBadRequest with a sentence for the client: not one JSON object, a duplicate key (see http::JsonScanner), `model`
// that is no string of printable ASCII within the bound, `stream` that is no bool. Whatever else the scanner answers is
// passed on.
// The conversation is metadata.user_id where the client sends one, else tools, system and the first turn, which all its
// calls begin with; the latter not for bodies below kConversationBytesMin.
// With a `prompt_seed` the prompt's prefixes are read, under hashes that begin from it; that costs a second look at the
// bytes, and only where they hold a cache_control.
Expected<CallFacts> read_call(std::string_view padded_body, http::JsonScanner& scanner,
                              Conversation conversation = Conversation::kIgnored,
                              std::optional<uint64_t> prompt_seed = std::nullopt);

// The first element of a JSON array's text, without what surrounds it; empty when there is none. The text is valid
// JSON.
std::string_view first_element(std::string_view array);

// Whether a Content-Type says JSON in UTF-8: application/json with no charset or charset=utf-8. Anything else must be
// answered with kUnsupported, for another charset would make relay and vendor read two texts.
bool is_json_content_type(std::string_view value);

}  // namespace baton::dialect
