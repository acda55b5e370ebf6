// Byte classes of the HTTP grammar (RFC 9110 5.6, RFC 9112) and the two scans over them that a head spends its time in.
// Sixteen bytes at a time where the processor can, the table for the rest; no byte outside the text is ever read.
// Private to http/. Thread: any. Source: RFC 9110 (read 2026-11).
#pragma once

#if defined(__SSSE3__)
#include <immintrin.h>
#endif

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace baton::http::detail {

enum ByteClass : uint8_t {
  kTokenByte = 1,    // tchar
  kMethodByte = 2,   // upper-case letters, digits, '-', '_': what a method may be made of here
  kTargetByte = 4,   // printable ASCII without blank and '#'
  kControlByte = 8,  // 0x00-0x1f and 0x7f, but not the tab
  kHostByte = 16,    // letters, digits, '-', '.', '_'
  kNameByte = 32,    // tchar but '_': what the names of known fields are made of
};

inline constexpr std::array<uint8_t, 256> kByteClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool alnum = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const char ch = static_cast<char>(c);
    unsigned is = 0;
    if (alnum || (c != 0 && c < 0x80 && std::string_view("!#$%&'*+-.^_`|~").contains(ch))) is |= kTokenByte;
    if (upper || (c >= '0' && c <= '9') || c == '-' || c == '_') is |= kMethodByte;
    if (c > 0x20 && c < 0x7f && c != '#') is |= kTargetByte;
    if ((c < 0x20 && c != '\t') || c == 0x7f) is |= kControlByte;
    if (alnum || c == '-' || c == '.' || c == '_') is |= kHostByte;
    if ((is & kTokenByte) != 0 && c != '_') is |= kNameByte;
    classes[c] = static_cast<uint8_t>(is);
  }
  return classes;
}();

constexpr bool is(char c, ByteClass wanted) { return (kByteClasses[static_cast<uint8_t>(c)] & wanted) != 0; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

inline constexpr size_t kBlockBytes = 64;

// One bit for each of the 64 bytes at `block`: whether it is a control byte.
inline uint64_t control_mask(const char* block) {
  uint64_t mask = 0;
#if defined(__SSSE3__)
  for (unsigned i = 0; i < kBlockBytes; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + i));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i low_but_tab = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), low);
    const __m128i control = _mm_or_si128(low_but_tab, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(control))) << i;
  }
#else
  for (unsigned i = 0; i < kBlockBytes; ++i) mask |= static_cast<uint64_t>(is(block[i], kControlByte)) << i;
#endif
  return mask;
}

// Finds the control bytes of a text, which are the line ends of a well-formed head, from front to back.
class ControlFinder {
 public:
  explicit ControlFinder(std::string_view text) : text_(text) {}

  // Where the first control byte at or behind `from` is; the text's size when there is none.
  size_t find(size_t from) {
    while (from < text_.size()) {
      if (from - begin_ >= kBlockBytes) load(from / kBlockBytes * kBlockBytes);
      const uint64_t rest = mask_ >> (from - begin_);
      if (rest != 0) return from + static_cast<size_t>(std::countr_zero(rest));
      from = begin_ + kBlockBytes;
    }
    return text_.size();
  }

 private:
  void load(size_t begin) {
    begin_ = begin;
    const bool whole = text_.size() - begin >= kBlockBytes;
    mask_ = whole ? control_mask(text_.data() + begin) : last_mask(text_.substr(begin));
  }

  // The mask of fewer bytes than a block has.
  [[gnu::noinline]] static uint64_t last_mask(std::string_view rest) {
    std::array<char, kBlockBytes> block;
    block.fill(' ');
    rest.copy(block.data(), block.size());
    return control_mask(block.data());
  }

  std::string_view text_;
  size_t begin_ = 0 - kBlockBytes;  // of the block that `mask_` is of; at first one that nothing lies in
  uint64_t mask_ = 0;
};

// Where the bytes of a class (of ASCII bytes only) that begin at `from` end: the first byte of another kind, or the
// text's end.
template <ByteClass kClass>
size_t class_end(std::string_view text, size_t from) {
#if defined(__SSSE3__)
  // A byte is of the class when its low nibble's row has the bit of its high nibble.
  alignas(16) static constexpr std::array<uint8_t, 16> kRows = [] {
    std::array<uint8_t, 16> rows{};
    for (unsigned c = 0; c < 128; ++c) {
      if ((kByteClasses[c] & kClass) != 0) rows[c & 15] = static_cast<uint8_t>(rows[c & 15] | (1u << (c >> 4)));
    }
    return rows;
  }();
  const __m128i rows = _mm_load_si128(reinterpret_cast<const __m128i*>(kRows.data()));
  const __m128i bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i nibble = _mm_set1_epi8(0x0f);
  for (; from + 16 <= text.size(); from += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
    const __m128i row = _mm_shuffle_epi8(rows, _mm_and_si128(block, nibble));
    const __m128i bit = _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(block, 4), nibble));
    const __m128i other = _mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128());
    const auto others = static_cast<unsigned>(_mm_movemask_epi8(other));
    if (others != 0) return from + static_cast<size_t>(std::countr_zero(others));
  }
#endif
  while (from < text.size() && is(text[from], kClass)) ++from;
  return from;
}

inline bool is_token(std::string_view text) { return !text.empty() && class_end<kTokenByte>(text, 0) == text.size(); }

}  // namespace baton::http::detail
