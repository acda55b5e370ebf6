#include "metrics/log_text.h"

#include <array>
#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace baton::metrics {
namespace {

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

}  // namespace

size_t plain_bytes(std::string_view text) {
  size_t at = 0;
#if defined(__SSE2__)
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // Compared as signed, what is beyond ASCII is less than a blank too.
    __m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    for (char c : {'"', '\\', '\x7f'}) other = _mm_or_si128(other, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(other));
    if (mask != 0) return at + static_cast<size_t>(std::countr_zero(mask));
  }
#endif
  while (at < text.size() && kPlain[static_cast<uint8_t>(text[at])]) ++at;
  return at;
}

namespace {

void append_code(std::string& out, uint32_t code) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(code >> shift) & 0xf]);
}

// Length and code point of the UTF-8 sequence at the start of the text; length 0 when it is not valid (RFC 3629).
struct Decoded {
  size_t bytes = 0;
  uint32_t code = 0;
};
Decoded decode(std::string_view text) {
  auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t first = byte(0);
  size_t bytes = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (bytes == 0 || text.size() < bytes) return {};
  static constexpr uint8_t kPayload[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t code = first & kPayload[bytes];
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kLeast[bytes] || code > 0x10ffff || surrogate) return {};
  return {bytes, code};
}

bool misleads(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

enum class For { kJson, kPeople };

void append(std::string& out, std::string_view text, For whom) {
  while (!text.empty()) {
    const size_t plain = plain_bytes(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    Decoded next = decode(text);
    if (next.bytes == 0) {
      append_code(out, 0xfffd);
      text.remove_prefix(1);
      continue;
    }
    if (next.code == '"' || next.code == '\\') {
      if (whom == For::kJson) out.push_back('\\');
      out.push_back(static_cast<char>(next.code));
    } else if (misleads(next.code)) {
      append_code(out, next.code);
    } else {
      out.append(text.substr(0, next.bytes));
    }
    text.remove_prefix(next.bytes);
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) { append(out, text, For::kJson); }

void append_shown(std::string& out, std::string_view text) { append(out, text, For::kPeople); }

std::string_view cut(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  // A sequence has at most three bytes after its first.
  for (size_t back = 0; back < 3 && end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80; ++back) --end;
  return text.substr(0, end);
}

}  // namespace baton::metrics
