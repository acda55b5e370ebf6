#include "similar/normal.h"

namespace baton::similar {

namespace {

// The code point at `at`; moves behind it. Nothing when there is none.
std::optional<char32_t> next(std::string_view text, size_t& at) {
  const auto first = static_cast<uint8_t>(text[at++]);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
  if (more == 0 || first > 0xf4 || at + static_cast<size_t>(more) > text.size()) return std::nullopt;
  char32_t c = first & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    const auto byte = static_cast<uint8_t>(text[at++]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    c = c << 6 | (byte & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (c < kLeast[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return std::nullopt;
  return c;
}

bool is_blank(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// Zero width space, byte order mark, soft hyphen, word joiner.
bool is_nothing(char32_t c) { return c == 0x200b || c == 0xfeff || c == 0xad || c == 0x2060; }

char32_t plain(char32_t c) {
  if (c >= 0xff01 && c <= 0xff5e) return c - 0xff01 + '!';
  switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201b:
    case 0x2032:
    case 0x02bc: return '\'';
    case 0x201c:
    case 0x201d:
    case 0x201e:
    case 0x201f:
    case 0x300c:
    case 0x300d:
    case 0x300e:
    case 0x300f:
    case 0x300a:
    case 0x300b:
    case 0xab:
    case 0xbb: return '"';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212: return '-';
    case 0x3002: return '.';
    case 0x3001: return ',';
    case 0xffe5: return 0xa5;
    default: return c;
  }
}

}  // namespace

std::optional<std::u32string> normal(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    auto read = next(text, at);
    if (!read) return std::nullopt;
    char32_t c = *read;
    if (is_nothing(c)) continue;
    if (is_blank(c)) {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
      continue;
    }
    if (c == 0x2026) {  // an ellipsis
      out.append(U"...");
      continue;
    }
    if (c >= 0x300 && c < 0x330 && !out.empty()) {
      if (const char32_t whole = composed(out.back(), c)) {
        out.back() = whole;
        continue;
      }
    }
    out.push_back(plain(c));
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

char32_t folded(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c < 0x80) return c;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;
  // Pairs of neighbours; the few capitals that have another small letter stay as they are.
  if ((c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return (c & 1) != 0 ? c + 1 : c;
  if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) return c + 32;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c >= 0x1ea0 && c <= 0x1eff) return c | 1;
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

bool is_han(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x323af) || c == 0x3007;
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

bool is_letter(char32_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  if (c < 0xaa) return false;
  if (c < 0x250) return c != 0xd7 && c != 0xf7 && (c >= 0xc0 || c == 0xaa || c == 0xba);
  return (c >= 0x250 && c <= 0x2ff) || (c >= 0x370 && c <= 0x1fff) || (c >= 0x2c00 && c <= 0x2dff) ||
         (c >= 0xa640 && c <= 0xabff);
}

uint16_t scripts(std::u32string_view text) {
  uint16_t found = 0;
  for (char32_t c : text) {
    if (is_han(c)) {
      found |= kHan;
    } else if (c >= 0x3040 && c <= 0x30ff) {
      found |= kKana;
    } else if (c >= 0xac00 && c <= 0xd7a3) {
      found |= kHangul;
    } else if (c >= 0x370 && c <= 0x3ff) {
      found |= kGreek;
    } else if (c >= 0x400 && c <= 0x52f) {
      found |= kCyrillic;
    } else if (c >= 0x590 && c <= 0x5ff) {
      found |= kHebrew;
    } else if (c >= 0x600 && c <= 0x6ff) {
      found |= kArabic;
    } else if (c >= 0x900 && c <= 0xdff) {
      found |= kIndic;
    } else if (c >= 0xe00 && c <= 0xe7f) {
      found |= kThai;
    } else if (is_letter(c)) {
      found |= c < 0x250 || (c >= 0x1e00 && c <= 0x1eff) ? kLatin : kOtherScript;
    }
  }
  return found;
}

}  // namespace baton::similar
