#include "dialect/body_names.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace baton::dialect {
namespace {

constexpr size_t kBlock = 64;

struct Masks {
  uint64_t quotes = 0;
  uint64_t backslashes = 0;
};

// A bit for each of the 64 bytes at `p`.
Masks look(const char* p) {
  Masks masks;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
    const auto bits = [&](__m128i wanted) {
      return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)))) << (16 * i);
    };
    masks.quotes |= bits(quote);
    masks.backslashes |= bits(backslash);
  }
#else
  for (size_t i = 0; i < kBlock; ++i) {
    masks.quotes |= static_cast<uint64_t>(p[i] == '"') << i;
    masks.backslashes |= static_cast<uint64_t>(p[i] == '\\') << i;
  }
#endif
  return masks;
}

// `text` follows a quote.
void take_name(std::string_view text, BodyNames& names) {
  if (text.empty()) return;
  switch (text.front()) {
    case 'a': names.server_tools |= text.starts_with("advisor_"); break;
    case 'c':
      names.cache_control |= text.starts_with("cache_control\"");
      names.server_tools |= text.starts_with("code_execution_");
      names.unsized |= text.starts_with("container\"") || text.starts_with("context_management\"");
      break;
    case 'd': names.unsized |= text.starts_with("document\""); break;
    case 'f':
      names.file_id |= text.starts_with("file_id\"");
      names.unsized |= names.file_id || text.starts_with("file\"");
      break;
    case 'i': names.images += text.starts_with("image\""); break;
    case 'm': names.server_tools |= text.starts_with("mcp_servers\""); break;
    case 't': names.server_tools |= text.starts_with("tool_search_"); break;
    case 'u': names.unsized |= text.starts_with("url\""); break;
    case 'w':
      names.web_searches += text.starts_with("web_search_");
      names.web_fetches += text.starts_with("web_fetch_");
      break;
    default: break;
  }
}

// `text` begins with a backslash.
bool is_escaped_letter(std::string_view text) {
  return text.starts_with("\\u00") && text.size() > 4 && text[4] >= '4' && text[4] <= '7';
}

}  // namespace

BodyNames names_in(std::string_view text) {
  BodyNames names;
  std::array<char, kBlock> last;
  for (size_t at = 0; at < text.size(); at += kBlock) {
    const char* block = text.data() + at;
    if (text.size() - at < kBlock) {
      last.fill(' ');
      std::memcpy(last.data(), block, text.size() - at);
      block = last.data();
    }
    Masks masks = look(block);
    for (; masks.quotes != 0; masks.quotes &= masks.quotes - 1)
      take_name(text.substr(at + static_cast<size_t>(std::countr_zero(masks.quotes)) + 1), names);
    for (; masks.backslashes != 0; masks.backslashes &= masks.backslashes - 1)
      names.escaped_letters |=
          is_escaped_letter(text.substr(at + static_cast<size_t>(std::countr_zero(masks.backslashes))));
  }
  return names;
}

}  // namespace baton::dialect
