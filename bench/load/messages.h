// The texts that travel: a Messages request like an SDK's, the reply to it, and the events of a stream. All are fixed
// but for a few digits, so that neither end of the load computes anything and every reply can be compared byte for
// byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace baton::load {

inline constexpr size_t kReplyBytes = 1490;  // of the usual reply's body

// A JSON Message of exactly `bytes` (at least 400).
std::string message_json(size_t bytes);
// Status line and twelve fields, ready to send before a JSON body of this length.
std::string reply_head(size_t body_bytes);

// A digit field inside a text, overwritten in place.
class Digits {
 public:
  Digits() = default;
  // `text` holds exactly one `width`-fold run of '0' that matters: the last one.
  Digits(std::string_view text, size_t width) : at_(text.rfind(std::string(width, '0'))), width_(width) {}
  void write(char* text, uint64_t value) const;

 private:
  size_t at_ = 0;
  size_t width_ = 0;
};

inline constexpr size_t kStampDigits = 19;  // nanoseconds of CLOCK_MONOTONIC
// Opens the one value that a delta's event carries: the time when it was due.
inline constexpr std::string_view kStampField = "\"text\":\" ";

// Each is one event in one chunk of the chunked coding; `opening` also has the reply's head.
struct StreamTexts {
  std::string opening;  // head, message_start, content_block_start
  std::string delta;
  std::string closing;  // content_block_stop, message_delta, message_stop, last chunk
  Digits stamp;         // in delta
};
StreamTexts stream_texts();

struct RequestShape {
  std::string key;
  std::string bench;  // value of the x-bench field, empty: none
  size_t body_bytes = 2117;
  bool stream = false;
  bool distinct = false;  // the digits are in what is asked, not in what only names the user
};
// Head and body. `serial` marks digits in the body that make each request another one: nothing may be answered
// twice, unless what differs is no part of the question.
struct RequestText {
  std::string text;
  Digits serial;
};
RequestText request_text(const RequestShape& shape);

}  // namespace baton::load
