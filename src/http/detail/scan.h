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
    classes[c] = static_cast<uint8_t>(is);
  }
  return classes;
}();

constexpr bool is(char c, ByteClass wanted) { return (kByteClasses[static_cast<uint8_t>(c)] & wanted) != 0; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Where the first control byte at or behind `from` is; the text's size when there is none.
inline size_t find_control(std::string_view text, size_t from) {
#if defined(__SSSE3__)
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; from + 16 <= text.size(); from += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
    const __m128i hits = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), low), _mm_cmpeq_epi8(block, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hits));
    if (mask != 0) return from + static_cast<size_t>(std::countr_zero(mask));
  }
#endif
  while (from < text.size() && !is(text[from], kControlByte)) ++from;
  return from;
}

struct Token {
  size_t end = 0;  // of the first byte that is not a tchar; the text's size when there is none
  bool underscore = false;
};

// The token that begins at `from`, possibly empty.
inline Token scan_token(std::string_view text, size_t from) {
  bool underscore = false;
#if defined(__SSSE3__)
  // A byte is a tchar when its low nibble's row has the bit of its high nibble.
  alignas(16) static constexpr std::array<uint8_t, 16> kRows = [] {
    std::array<uint8_t, 16> rows{};
    for (unsigned c = 0; c < 128; ++c) {
      if ((kByteClasses[c] & kTokenByte) != 0) rows[c & 15] = static_cast<uint8_t>(rows[c & 15] | (1u << (c >> 4)));
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
    const auto others =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128())));
    const auto underscores = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('_'))));
    if (others != 0) {
      const unsigned before = (others & (0u - others)) - 1;
      return {from + static_cast<size_t>(std::countr_zero(others)), underscore || (underscores & before) != 0};
    }
    underscore = underscore || underscores != 0;
  }
#endif
  for (; from < text.size() && is(text[from], kTokenByte); ++from) underscore = underscore || text[from] == '_';
  return {from, underscore};
}

}  // namespace baton::http::detail
