#include "stream/event_follower.h"

#include <utility>

namespace baton::stream {

EventFollower::EventFollower(const Config& config, http::Coding coding, TapRoom& room)
    : scanner_(config.event_bytes_max), tap_(room), decoder_(http::make_decoder(coding)) {
  unreadable_ = coding == http::Coding::kUnknown;
}

void EventFollower::look(std::string_view bytes, size_t& last_end) {
  scanner_.feed(bytes, [&](const http::SseEvent& event) {
    last_end = event.end;
    const bool before = opened();
    tap_.event(event.name, event.data);
    if (!before && facts().error_event) opened_with_error_ = true;
  });
}

std::string_view EventFollower::feed(std::string_view bytes) {
  if (unreadable_) return bytes;
  if (bytes.empty()) return bytes;
  size_t last_end = 0;
  if (!begun_ && decoder_ == nullptr) {
    if (bytes == "\x1f") {
      half_mark_ = begun_ = true;
      tail_ = bytes;
      return {};
    }
    if (bytes.starts_with("\x1f\x8b"))
      decoder_ = http::make_decoder(http::Coding::kGzip);  // encoded, and nobody said so
  }
  begun_ = true;
  if (half_mark_) {
    half_mark_ = false;
    out_ = std::exchange(tail_, {}).append(bytes);
    bytes = out_;
    if (bytes[1] == '\x8b') decoder_ = http::make_decoder(http::Coding::kGzip);
  }
  if (decoder_ != nullptr) {
    std::string plain;
    static constexpr size_t kPlainBytesMax = 16 * kMiB;
    if (!decoder_->decode(bytes, plain, kPlainBytesMax)) unreadable_ = true;
    look(plain, last_end);
    return bytes;
  }
  look(bytes, last_end);
  const bool clean = scanner_.between_events();
  if (tail_.empty()) {
    if (clean) passing_ = false;
    if (last_end > 0) passing_ = false;
    if (clean || passing_) return bytes;
    tail_.assign(bytes.substr(last_end));
    if (tail_.size() <= kTailBytesMax) return bytes.substr(0, last_end);
    tail_.clear();
    passing_ = true;
    return bytes;
  }
  const size_t base = tail_.size();
  tail_.append(bytes);
  if (clean || (last_end == 0 && tail_.size() > kTailBytesMax)) {
    passing_ = !clean;
    out_.swap(tail_);
    tail_.clear();
    return out_;
  }
  if (last_end == 0) return {};
  out_.assign(tail_, 0, base + last_end);
  tail_.erase(0, base + last_end);
  return out_;
}

void EventFollower::settle() {
  if (!out_.empty()) std::string().swap(out_);
  if (tail_.empty() && tail_.capacity() > 64) std::string().swap(tail_);
}

}  // namespace baton::stream
