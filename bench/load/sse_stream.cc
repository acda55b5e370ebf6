#include "sse_stream.h"

#include "messages.h"

namespace baton::load {

bool SseStream::take_event(std::string_view event) {
  constexpr std::string_view kPrefix = "event: ";
  const std::string_view name =
      event.starts_with(kPrefix) ? event.substr(kPrefix.size(), event.find('\n') - kPrefix.size()) : event;
  if (name == "content_block_delta" && next_ == Next::kDeltaOrBlockStop) {
    ++deltas_;
    return true;
  }
  if (name == "message_start" && next_ == Next::kMessageStart) {
    next_ = Next::kBlockStart;
  } else if (name == "content_block_start" && next_ == Next::kBlockStart) {
    next_ = Next::kDeltaOrBlockStop;
  } else if (name == "content_block_stop" && next_ == Next::kDeltaOrBlockStop) {
    next_ = Next::kMessageDelta;
  } else if (name == "message_delta" && next_ == Next::kMessageDelta) {
    next_ = Next::kMessageStop;
  } else if (name == "message_stop" && next_ == Next::kMessageStop) {
    next_ = Next::kNothing;
  } else if (name == "ping") {
    ++pings_;
  } else {
    fail("unexpected event");
  }
  return false;
}

uint64_t SseStream::stamp_of(std::string_view delta) {
  const size_t at = delta.find(kStampField);
  const auto stamp =
      at == std::string_view::npos ? std::nullopt : decimal(delta.substr(at + kStampField.size(), kStampDigits));
  if (!stamp) fail("a delta without its stamp");
  return stamp.value_or(0);
}

}  // namespace baton::load
