// JsonTwin: reads JSON the slow, obvious way, character by character, after the grammar of RFC 8259. What the scanner
// accepts, refuses and finds is compared with it, in unit tests and under fuzzing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace baton::fuzz {

struct TwinField {
  std::string key;
  size_t key_begin = 0;
  size_t begin = 0;
  size_t end = 0;
};

class JsonTwin {
 public:
  JsonTwin(std::string_view text, size_t depth_max, size_t keys_max)
      : text_(text), depth_max_(depth_max), keys_max_(keys_max) {}

  // The top-level fields, or nothing when the text must be refused.
  std::optional<std::vector<TwinField>> read() {
    if (!valid_utf8()) return std::nullopt;
    blanks();
    if (peek() != '{' || !object(1)) return std::nullopt;
    blanks();
    if (at_ != text_.size()) return std::nullopt;
    std::set<std::string> keys;
    for (const TwinField& field : fields_) {
      if (!keys.insert(field.key).second) return std::nullopt;
    }
    return fields_;
  }

 private:
  int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }
  bool take(char c) {
    if (peek() != static_cast<unsigned char>(c)) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
  }
  bool digits() {
    size_t before = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > before;
  }

  bool valid_utf8() const {
    for (size_t i = 0; i < text_.size();) {
      auto byte = [&](size_t n) -> uint32_t {
        return i + n < text_.size() ? static_cast<unsigned char>(text_[i + n]) : 0;
      };
      uint32_t c = byte(0);
      if (c < 0x80) {
        ++i;
        continue;
      }
      size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
      uint32_t value = more == 3 ? c & 7 : more == 2 ? c & 15 : c & 31;
      if (c < 0xc0 || c > 0xf7) return false;
      for (size_t n = 1; n <= more; ++n) {
        if ((byte(n) & 0xc0) != 0x80) return false;
        value = value << 6 | (byte(n) & 0x3f);
      }
      uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
      if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
      i += more + 1;
    }
    return true;
  }

  // Behind the closing quote; `out` takes the characters, with lone surrogates noted in `lone`.
  bool string(std::string& out, bool& lone) {
    lone = false;
    if (!take('"')) return false;
    uint32_t high = 0;  // a high surrogate that waits for its other half
    while (true) {
      int c = peek();
      if (c < 0x20) return false;
      ++at_;
      uint32_t unit = static_cast<uint32_t>(c);
      bool escaped_unit = false;
      if (c == '\\') {
        int e = peek();
        ++at_;
        switch (e) {
          case '"':
          case '\\':
          case '/': unit = static_cast<uint32_t>(e); break;
          case 'b': unit = 8; break;
          case 'f': unit = 12; break;
          case 'n': unit = 10; break;
          case 'r': unit = 13; break;
          case 't': unit = 9; break;
          case 'u': {
            unit = 0;
            for (int i = 0; i < 4; ++i) {
              int h = peek();
              ++at_;
              int value = h >= '0' && h <= '9'   ? h - '0'
                          : h >= 'a' && h <= 'f' ? h - 'a' + 10
                          : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                                 : -1;
              if (value < 0) return false;
              unit = unit * 16 + static_cast<uint32_t>(value);
            }
            escaped_unit = true;
            break;
          }
          default: return false;
        }
      } else if (c == '"') {
        if (high != 0) lone = true;
        return true;
      } else if (c >= 0x80) {
        if (high != 0) lone = true;
        high = 0;
        out.push_back(static_cast<char>(c));
        continue;
      }
      if (escaped_unit && unit >= 0xdc00 && unit < 0xe000) {
        if (high == 0)
          lone = true;
        else
          put(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
        high = 0;
        continue;
      }
      if (high != 0) lone = true;
      high = 0;
      if (escaped_unit && unit >= 0xd800 && unit < 0xdc00)
        high = unit;
      else
        put(out, unit);
    }
  }

  static void put(std::string& out, uint32_t c) {
    auto byte = [&out](uint32_t b) { out.push_back(static_cast<char>(b)); };
    if (c < 0x80)
      byte(c);
    else if (c < 0x800)
      byte(0xc0 | c >> 6), byte(0x80 | (c & 63));
    else if (c < 0x10000)
      byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63));
    else
      byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63));
  }

  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    return true;
  }

  bool value(size_t depth) {
    std::string ignored;
    bool lone = false;
    switch (peek()) {
      case '{': return object(depth + 1);
      case '[': return array(depth + 1);
      case '"': return string(ignored, lone);
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  bool array(size_t depth) {
    if (depth > depth_max_ || !take('[')) return false;
    blanks();
    if (take(']')) return true;
    do {
      blanks();
      if (!value(depth)) return false;
      blanks();
    } while (take(','));
    return take(']');
  }

  bool object(size_t depth) {
    if (depth > depth_max_ || !take('{')) return false;
    blanks();
    if (take('}')) return true;
    size_t keys = 0;
    do {
      blanks();
      TwinField field;
      field.key_begin = at_;
      bool lone = false;
      if (++keys > keys_max_ || !string(field.key, lone) || (lone && depth == 1)) return false;
      blanks();
      if (!take(':')) return false;
      blanks();
      field.begin = at_;
      if (!value(depth)) return false;
      field.end = at_;
      if (depth == 1) fields_.push_back(field);
      blanks();
    } while (take(','));
    return take('}');
  }

  std::string_view text_;
  size_t depth_max_;
  size_t keys_max_;
  size_t at_ = 0;
  std::vector<TwinField> fields_;
};

}  // namespace baton::fuzz
