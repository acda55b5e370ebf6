#include "http/sse.h"

#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace baton::http {
namespace {

constexpr size_t kKeptBytes = 4096;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Of the first CR or LF in `text` from `at` on, or its size.
size_t find_line_end(std::string_view text, size_t at) {
#if defined(__SSE2__)
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i cr = _mm_set1_epi8('\r');
  for (; at + 16 <= text.size(); at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    auto bits =
        static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr))));
    if (bits != 0) return at + static_cast<size_t>(std::countr_zero(bits));
  }
#endif
  while (at < text.size() && text[at] != '\n' && text[at] != '\r') ++at;
  return at;
}

// The value of a line "field:value" or "field", or nothing when it is another field.
bool is_field(std::string_view line, std::string_view field, std::string_view& value) {
  if (!line.starts_with(field)) return false;
  if (line.size() == field.size()) {
    value = {};
    return true;
  }
  if (line[field.size()] != ':') return false;
  value = line.substr(field.size() + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return true;
}

void give_back(std::string& room) {
  if (room.capacity() > kKeptBytes) std::string().swap(room);
}

}  // namespace

void SseScanner::begin(std::string_view bytes) {
  bytes_ = bytes;
  at_ = 0;
  if (bom_ != kBomDone) take_byte_order_mark();
}

// At the stream's very beginning only; bytes that turn out not to be a mark begin the first line.
void SseScanner::take_byte_order_mark() {
  while (at_ < bytes_.size() && bom_ != kBomDone) {
    if (bytes_[at_] == kByteOrderMark[bom_]) {
      ++at_;
      ++bom_;
    } else {
      keep_line(kByteOrderMark.substr(0, bom_));
      bom_ = kBomDone;
    }
  }
}

bool SseScanner::next(SseEvent& event) {
  while (at_ < bytes_.size()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes_[at_] == '\n' && ++at_ == bytes_.size()) break;
    }
    size_t line_end = find_line_end(bytes_, at_);
    std::string_view piece = bytes_.substr(at_, line_end - at_);
    at_ = line_end;
    if (line_end == bytes_.size()) {
      keep_line(piece);
      break;
    }
    ++at_;
    if (bytes_[line_end] == '\r') {
      if (at_ == bytes_.size()) {
        after_cr_ = true;
      } else if (bytes_[at_] == '\n') {
        ++at_;
      }
    }
    if (!line_.empty()) {
      keep_line(piece);
      take_field(line_);
      line_.clear();
    } else if (!piece.empty()) {
      take_field(piece);
    } else if (end_event(event)) {
      return true;
    }
  }
  keep_event();
  return false;
}

// A whole line that is not blank; it lies in `bytes_` or is `line_`.
void SseScanner::take_field(std::string_view line) {
  if (skipping_ || line[0] == ':') return;
  fields_ = true;
  event_bytes_ += line.size() + 1;
  std::string_view value;
  if (event_bytes_ > event_bytes_max_) {
    skip_event();
  } else if (is_field(line, "data", value)) {
    take_data(value);
  } else if (is_field(line, "event", value)) {
    name_kept_ = !line_.empty();
    if (name_kept_) kept_name_.assign(value);
    name_ = value;
  }
}

void SseScanner::take_data(std::string_view value) {
  if (!has_data_) {
    has_data_ = true;
    data_kept_ = !line_.empty();
    if (data_kept_) kept_data_.assign(value);
    data_ = value;
    return;
  }
  if (!data_kept_) kept_data_.assign(data_);
  data_kept_ = true;
  kept_data_.push_back('\n');
  kept_data_.append(value);
}

void SseScanner::skip_event() {
  fields_ = true;
  skipping_ = true;
  if (line_.size() > 1) line_.resize(1);
}

// The next piece of a line whose end has not come with it, or of one that is in `line_` already.
void SseScanner::keep_line(std::string_view piece) {
  if (piece.empty()) return;
  bool comment = (line_.empty() ? piece : std::string_view(line_))[0] == ':';
  if (!comment && !skipping_ && event_bytes_ + line_.size() + piece.size() >= event_bytes_max_) skip_event();
  if (!comment && !skipping_) {
    line_.append(piece);
  } else if (line_.empty()) {
    line_.assign(piece.substr(0, 1));
  }
}

// What the event needs of the bytes that are about to go.
void SseScanner::keep_event() {
  if (!name_.empty() && !name_kept_) kept_name_.assign(name_), name_kept_ = true;
  if (has_data_ && !data_kept_) kept_data_.assign(data_), data_kept_ = true;
  if (line_.empty()) give_back(line_);
  if (!data_kept_) give_back(kept_data_);
  if (!name_kept_) give_back(kept_name_);
}

// At a blank line: whether there is an event to report.
bool SseScanner::end_event(SseEvent& event) {
  if (!fields_) return false;
  bool reported = has_data_ || !name_.empty() || skipping_;
  event = {};
  event.end = at_;
  event.oversized = skipping_;
  if (!skipping_) {
    event.name = name_kept_ ? std::string_view(kept_name_) : name_;
    event.data = data_kept_ ? std::string_view(kept_data_) : data_;
  }
  if (reported) ++events_;
  if (skipping_) ++oversized_;
  name_ = data_ = {};
  event_bytes_ = 0;
  fields_ = has_data_ = skipping_ = name_kept_ = data_kept_ = false;
  return reported;
}

}  // namespace baton::http
