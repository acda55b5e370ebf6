// What must hold for every head whatever its bytes: the same verdict however the bytes are cut, and nothing in a head
// that was taken that another reader could take differently.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/check.h"
#include "http/http1.h"

namespace baton::fuzz {

// Bytes in a block of exactly their size, so that a sanitizer sees any read beyond them.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(bytes_.get(), bytes.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

struct Verdict {
  http::ParseStatus status = http::ParseStatus::kNeedMore;
  http::HeadError error = http::HeadError::kNone;
  std::string text;  // everything that was parsed, written out
  size_t bytes = 0;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

inline void write_out(const http::Head& head, std::string& text) {
  for (const http::Field& field : head.fields) {
    text.append(field.name)
        .append("=")
        .append(field.value)
        .append("#")
        .append(std::to_string(static_cast<int>(field.id)));
    text.append(head.hop_by_hop(field) ? " hop\n" : "\n");
  }
  for (uint64_t number : {static_cast<uint64_t>(head.framing), head.content_length,
                          static_cast<uint64_t>(head.keep_alive), static_cast<uint64_t>(head.version_minor)}) {
    text.append(std::to_string(number)).append(" ");
  }
}

// The framing of a head that was taken has one reading, and its lines hold no line ends of their own.
inline void check_taken(const http::Head& head, std::string_view bytes, const http::HeadLimits& limits) {
  BATON_CHECK(head.bytes <= bytes.size() && head.bytes <= limits.total_bytes_max);
  BATON_CHECK(bytes.substr(0, head.bytes).ends_with("\r\n\r\n"));
  BATON_CHECK(head.fields.size() <= limits.fields_max);
  size_t lengths = 0;
  size_t codings = 0;
  for (const http::Field& field : head.fields) {
    BATON_CHECK(!field.name.empty() && field.id == http::field_id(field.name));
    for (char c : field.name) BATON_CHECK(c > 0x20 && c < 0x7f && c != ':');
    for (char c : field.value) BATON_CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t');
    BATON_CHECK(ascii::trim(field.value) == field.value);
    std::string dashed(field.name);
    for (char& c : dashed) c = c == '_' ? '-' : ascii::lower(c);
    lengths += dashed == "content-length";
    codings += dashed == "transfer-encoding";
  }
  BATON_CHECK(lengths + codings <= 1);
  if (head.framing == http::Framing::kChunked) BATON_CHECK(codings == 1 && head.version_minor == 1);
  if (head.framing == http::Framing::kLength) BATON_CHECK(lengths == 1);
}

// `parse` is called as parse(bytes, scanned, limits) and gives a Verdict.
template <class Parse>
void check_every_cut(std::string_view bytes, const http::HeadLimits& limits, Parse&& parse) {
  const ExactBytes exact(bytes);
  size_t scanned = 0;
  const Verdict whole = parse(exact.view(), scanned, limits);
  if (whole.status == http::ParseStatus::kError) BATON_CHECK(whole.error != http::HeadError::kNone);

  Verdict resumed;
  scanned = 0;
  size_t fed = 0;
  for (size_t n = 1; n <= bytes.size() && resumed.status == http::ParseStatus::kNeedMore; ++n) {
    fed = n;
    if (n <= 512) {
      const ExactBytes prefix(bytes.substr(0, n));
      resumed = parse(prefix.view(), scanned, limits);
    } else {
      resumed = parse(exact.view().substr(0, n), scanned, limits);
    }
  }
  BATON_CHECK(resumed == whole);
  // Not one byte was needed beyond the head.
  if (whole.status == http::ParseStatus::kDone) BATON_CHECK(fed == whole.bytes);
}

inline constexpr http::HeadLimits kSmallLimits{
    .total_bytes_max = 300, .field_bytes_max = 60, .fields_max = 5, .target_bytes_max = 30};

}  // namespace baton::fuzz
