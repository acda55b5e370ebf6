// The framing is small beside the content, so it goes byte by byte through one table of states; content is cut out in
// whole pieces.
#include "http/chunked.h"

#include <algorithm>

#include "base/check.h"
#include "http/detail/scan.h"

namespace baton::http {
namespace {

constexpr uint8_t kSizeDigitsMax = 16;
constexpr uint16_t kExtensionBytesMax = 256;
constexpr uint16_t kTrailerBytesMax = 8 * 1024;

// 0-15, or -1.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_token(char c) { return detail::is(c, detail::kTokenByte); }
// What only a head may say: another reader of the same bytes could take it for one.
bool is_forbidden(std::string_view trailer) {
  return trailer == "content-length" || trailer == "transfer-encoding" || trailer == "host";
}

bool is_text(char c) { return !detail::is(c, detail::kControlByte); }

}  // namespace

ChunkedDecoder::State ChunkedDecoder::after(char c) {
  switch (state_) {
    case State::kSizeStart:
    case State::kSize: {
      if (const int digit = hex_digit(c); digit >= 0) {
        if (digits_ == kSizeDigitsMax) return State::kError;
        ++digits_;
        left_ = left_ << 4 | static_cast<uint64_t>(digit);
        return State::kSize;
      }
      if (state_ == State::kSizeStart) return State::kError;
      if (c == '\r') return State::kSizeLf;
      extra_ = 1;
      return c == ';' ? State::kExtensionName : State::kError;
    }
    case State::kExtensionName:
    case State::kExtensionNameMore:
    case State::kExtensionValue:
    case State::kExtensionToken:
    case State::kExtensionQuoted:
    case State::kExtensionEscape:
    case State::kExtensionEnd: {
      const bool may_end =
          state_ == State::kExtensionNameMore || state_ == State::kExtensionToken || state_ == State::kExtensionEnd;
      if (c == '\r' && may_end) return State::kSizeLf;
      if (++extra_ > kExtensionBytesMax) return State::kError;
      if (state_ == State::kExtensionEscape) return is_text(c) ? State::kExtensionQuoted : State::kError;
      if (state_ == State::kExtensionQuoted) {
        if (c == '"') return State::kExtensionEnd;
        if (c == '\\') return State::kExtensionEscape;
        return is_text(c) ? State::kExtensionQuoted : State::kError;
      }
      if (c == ';' && may_end) return State::kExtensionName;
      if (c == '=' && state_ == State::kExtensionNameMore) return State::kExtensionValue;
      if (c == '"' && state_ == State::kExtensionValue) return State::kExtensionQuoted;
      if (!is_token(c) || state_ == State::kExtensionEnd) return State::kError;
      const bool in_name = state_ == State::kExtensionName || state_ == State::kExtensionNameMore;
      return in_name ? State::kExtensionNameMore : State::kExtensionToken;
    }
    case State::kSizeLf:
      if (c != '\n') return State::kError;
      digits_ = 0;
      extra_ = 0;
      return left_ > 0 ? State::kData : State::kTrailerStart;
    case State::kDataCr: return c == '\r' ? State::kDataLf : State::kError;
    case State::kDataLf: return c == '\n' ? State::kSizeStart : State::kError;
    case State::kTrailerStart:
      if (c == '\r') return State::kEndLf;
      if (++extra_ > kTrailerBytesMax) return State::kError;
      name_bytes_ = 0;
      take_name(c);
      return is_token(c) ? State::kTrailerName : State::kError;
    case State::kTrailerName:
      if (++extra_ > kTrailerBytesMax) return State::kError;
      if (c == ':') return is_forbidden({name_.data(), name_bytes_}) ? State::kError : State::kTrailerValue;
      take_name(c);
      return is_token(c) ? State::kTrailerName : State::kError;
    case State::kTrailerValue:
      if (++extra_ > kTrailerBytesMax) return State::kError;
      if (c == '\r') return State::kTrailerLf;
      return is_text(c) ? State::kTrailerValue : State::kError;
    case State::kTrailerLf:
      if (++extra_ > kTrailerBytesMax) return State::kError;
      return c == '\n' ? State::kTrailerStart : State::kError;
    case State::kEndLf: return c == '\n' ? State::kDone : State::kError;
    case State::kData:
    case State::kDone:
    case State::kError: return state_;
  }
  return State::kError;
}

// A longer name is none of those that matter.
void ChunkedDecoder::take_name(char c) {
  if (name_bytes_ < name_.size()) name_[name_bytes_++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

ChunkedDecoder::Step ChunkedDecoder::step(std::string_view input) {
  Step step;
  while (step.consumed < input.size() && state_ != State::kDone && state_ != State::kError) {
    if (state_ != State::kData) {
      state_ = after(input[step.consumed++]);
      continue;
    }
    step.data = input.substr(step.consumed, left_);
    step.consumed += step.data.size();
    left_ -= step.data.size();
    if (left_ > 0) break;
    state_ = State::kDataCr;
    if (input.substr(step.consumed).starts_with(kChunkEnd)) {
      step.consumed += kChunkEnd.size();
      state_ = State::kSizeStart;
    }
    break;
  }
  step.error = state_ == State::kError;
  return step;
}

std::string_view chunk_head(size_t size, std::array<char, 20>& out) {
  BATON_CHECK(size > 0);
  size_t begin = out.size();
  out[--begin] = '\n';
  out[--begin] = '\r';
  for (; size > 0; size >>= 4) out[--begin] = "0123456789abcdef"[size & 15];
  return {out.data() + begin, out.size() - begin};
}

}  // namespace baton::http
