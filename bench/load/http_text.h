// Just enough HTTP/1.1 to load a proxy: walk a head, read one reply incrementally with its body decoded. Trusts nothing
// that would falsify a figure: a reply it cannot frame is malformed and counted as an error by the caller.
#pragma once

#include <strings.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support.h"

namespace baton::load {

inline bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Calls visit(name, value) for each field of `head`, which ends with its blank line and begins with the start line.
template <typename Visit>
void each_field(std::string_view head, Visit&& visit) {
  size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const size_t begin = at + 2;
    at = head.find("\r\n", begin);
    const std::string_view line = head.substr(begin, at == std::string_view::npos ? at : at - begin);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    visit(line.substr(0, colon), line.substr(value));
  }
}

// Takes the chunked coding off, at whatever byte it is cut.
class ChunkedBody {
 public:
  // Hands body bytes to sink(std::string_view); returns how many of `bytes` belonged to the body, nothing if malformed.
  template <typename Sink>
  std::optional<size_t> feed(std::string_view bytes, Sink&& sink) {
    size_t used = 0;
    while (used < bytes.size() && part_ != Part::kDone) {
      if (part_ == Part::kData) {
        const size_t take = std::min<size_t>(left_, bytes.size() - used);
        sink(bytes.substr(used, take));
        used += take;
        left_ -= take;
        if (left_ == 0) part_ = Part::kDataEnd;
      } else if (!framing(bytes[used++])) {
        return std::nullopt;
      }
    }
    return used;
  }
  bool done() const { return part_ == Part::kDone; }

 private:
  enum class Part { kSize, kExtension, kData, kDataEnd, kTrailer, kDone };
  bool framing(char byte);

  Part part_ = Part::kSize;
  uint64_t left_ = 0;
  uint32_t digits_ = 0;
  uint32_t line_ = 0;  // bytes of the trailer line so far
};

class ReplyReader {
 public:
  void reset() { *this = ReplyReader(); }

  // Hands decoded body bytes to sink(std::string_view). False: malformed, or bytes after the end.
  template <typename Sink>
  bool feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty() && !in_body_) {
      if (!take_head(bytes)) return false;
    }
    if (bytes.empty()) return true;
    if (done_) return false;
    if (chunked_) {
      const auto used = chunks_.feed(bytes, sink);
      if (!used) return false;
      done_ = chunks_.done();
      return *used == bytes.size();
    }
    if (bytes.size() > left_) return false;
    sink(bytes);
    left_ -= bytes.size();
    done_ = left_ == 0;
    return true;
  }

  bool started() const { return in_body_ || !partial_.empty(); }
  bool done() const { return done_; }
  int status() const { return status_; }
  bool closes() const { return closes_; }

 private:
  // Moves what belongs to the head out of `bytes`.
  bool take_head(std::string_view& bytes);
  bool read_head(std::string_view head);

  std::string partial_;
  bool in_body_ = false;
  bool chunked_ = false;
  bool done_ = false;
  bool closes_ = false;
  int status_ = 0;
  uint64_t left_ = 0;
  ChunkedBody chunks_;
};

}  // namespace baton::load
