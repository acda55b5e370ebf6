// The two forms of a Messages reply, made of one another: one Message, and the event stream that says the same.
// Values that need no change are copied as they are written. Life: pure. Thread: any. Bounds: linear in the text,
// kJsonDepthMax. Source: vendor documentation, Streaming Messages (read 2026-11).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace baton::reuse {

// From message_start to message_stop: each block whole in one delta of its kind; a kind that has no deltas in its
// content_block_start. Nothing when it is not a Message.
std::optional<std::string> events_of_message(std::string_view message);

// Nothing when the stream is not complete, out of order, or has a delta that cannot be added up without knowing what it
// means.
std::optional<std::string> message_of_events(std::string_view events);

}  // namespace baton::reuse
