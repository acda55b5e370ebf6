#include "http/json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <deque>
#include <functional>
#include <utility>

#include "base/ascii.h"
#include "http/detail/json_bytes.h"

namespace baton::http {
namespace {

// Above this the room of a scan is given back, so that one large body does not stay with the loop for good.
constexpr size_t kKeptTextBytes = 1024 * 1024;
constexpr size_t kKeptFields = 1024;
constexpr size_t kMinTextBytes = 16 * 1024;
// Below this many fields duplicates are looked for by comparing, above by sorting.
constexpr size_t kComparedFields = 24;

constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
// What may stand behind a number or a literal.
constexpr bool ends_scalar(char c) { return c == ',' || c == '}' || c == ']' || is_blank(c); }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits at `p`, or -1.
int hex4(const char* p) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    int digit = hex_value(p[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

constexpr std::array<bool, 256> kAfterBackslash = [] {
  std::array<bool, 256> table{};
  for (char c : std::string_view("\"\\/bfnrtu")) table[static_cast<uint8_t>(c)] = true;
  return table;
}();

// Offset of the first backslash that does not begin an escape, or npos. Backslashes outside of strings are the walk's
// to refuse, so that strings need not be told apart here. Reads up to 5 bytes behind the text.
size_t find_bad_escape(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    if (*p != '\\') {  // behind an escape often stands another
      p = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
      if (p == nullptr) break;
    }
    if (!kAfterBackslash[static_cast<uint8_t>(p[1])] || (p[1] == 'u' && hex4(p + 2) < 0))
      return static_cast<size_t>(p - text.data());
    p += 2;
  }
  return std::string_view::npos;
}

// Behind the number that begins at `p`, or nullptr. A character that is no part of a number must follow somewhere.
const char* skip_number(const char* p) {
  if (*p == '-') ++p;
  if (*p == '0') {
    ++p;
  } else {
    if (!is_digit(*p)) return nullptr;
    while (is_digit(*p)) ++p;
  }
  if (*p == '.') {
    if (!is_digit(*++p)) return nullptr;
    while (is_digit(*p)) ++p;
  }
  if (*p == 'e' || *p == 'E') {
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!is_digit(*p)) return nullptr;
    while (is_digit(*p)) ++p;
  }
  return ends_scalar(*p) ? p : nullptr;
}

const char* skip_literal(const char* p, std::string_view literal) {
  if (std::memcmp(p, literal.data(), literal.size()) != 0) return nullptr;
  p += literal.size();
  return ends_scalar(*p) ? p : nullptr;
}

struct Value {
  JsonType type = JsonType::kNull;
  const char* end = nullptr;  // of a number or a literal; what else there is ends at a later token
  bool valid = true;
};

// The value whose first character is at `p`.
Value value_at(const char* p) {
  auto scalar = [](JsonType type, const char* end) { return Value{type, end, end != nullptr}; };
  switch (*p) {
    case '"': return {.type = JsonType::kString};
    case '{': return {.type = JsonType::kObject};
    case '[': return {.type = JsonType::kArray};
    case 't': return scalar(JsonType::kBool, skip_literal(p, "true"));
    case 'f': return scalar(JsonType::kBool, skip_literal(p, "false"));
    case 'n': return scalar(JsonType::kNull, skip_literal(p, "null"));
    default: return scalar(JsonType::kNumber, skip_number(p));
  }
}

void append_utf8(std::string& out, uint32_t c) {
  auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  }
}

// The escape that begins with the backslash at `p`: appends its character and returns behind it, or nullptr when it is
// not one or stands for half a surrogate pair.
const char* unescape_one(const char* p, const char* end, std::string& out) {
  if (end - p < 2) return nullptr;
  switch (p[1]) {
    case '"':
    case '\\':
    case '/': out.push_back(p[1]); return p + 2;
    case 'b': out.push_back('\b'); return p + 2;
    case 'f': out.push_back('\f'); return p + 2;
    case 'n': out.push_back('\n'); return p + 2;
    case 'r': out.push_back('\r'); return p + 2;
    case 't': out.push_back('\t'); return p + 2;
    case 'u': break;
    default: return nullptr;
  }
  if (end - p < 6) return nullptr;
  int high = hex4(p + 2);
  if (high < 0 || (high >= 0xdc00 && high < 0xe000)) return nullptr;
  if (high < 0xd800 || high >= 0xe000) {
    append_utf8(out, static_cast<uint32_t>(high));
    return p + 6;
  }
  if (end - p < 12 || p[6] != '\\' || p[7] != 'u') return nullptr;
  int low = hex4(p + 8);
  if (low < 0xdc00 || low >= 0xe000) return nullptr;
  append_utf8(out, 0x10000 + (static_cast<uint32_t>(high - 0xd800) << 10) + static_cast<uint32_t>(low - 0xdc00));
  return p + 12;
}

// The characters between a string's quotes.
std::optional<std::string> unescape(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  const char* p = inside.data();
  const char* end = p + inside.size();
  while (p != end) {
    const auto* next = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
    if (next == nullptr) next = end;
    out.append(p, next);
    if (next == end) break;
    p = unescape_one(next, end, out);
    if (p == nullptr) return std::nullopt;
  }
  return out;
}

// Length of the well-formed UTF-8 character at the front of `text`, or 0 (Unicode 15, table 3-7).
size_t utf8_length(std::string_view text) {
  auto byte = [text](size_t i) -> uint32_t { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  auto follows = [&byte](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  uint32_t first = byte(0);
  uint32_t second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    bool second_ok = follows(1) && (first != 0xe0 || second >= 0xa0) && (first != 0xed || second <= 0x9f);
    return second_ok && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    bool second_ok = follows(1) && (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second <= 0x8f);
    return second_ok && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

std::unexpected<Error> bad(std::string detail) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, std::move(detail));
}

std::unexpected<Error> bad_at(size_t offset, std::string_view what) {
  return bad("invalid JSON at byte " + std::to_string(offset) + ": " + std::string(what));
}

std::unexpected<Error> stage_error(simdjson::error_code code) {
  switch (code) {
    case simdjson::UTF8_ERROR: return bad("invalid JSON: not valid UTF-8");
    case simdjson::UNCLOSED_STRING: return bad("invalid JSON: a string is not closed");
    case simdjson::UNESCAPED_CHARS: return bad("invalid JSON: an unescaped control character in a string");
    case simdjson::EMPTY: return bad("invalid JSON: the text is empty");
    case simdjson::CAPACITY: return bad("invalid JSON: the text is too large");
    case simdjson::MEMALLOC:
      return fail(ErrorCode::kOverloaded, Fault::kUs, "no room to scan a JSON text", Retry::kLater);
    default: return bad("invalid JSON");
  }
}

struct Level {
  bool is_object = false;
  size_t keys = 0;
};

struct HashedKey {
  size_t hash = 0;
  std::string_view key;
  friend bool operator<(const HashedKey& a, const HashedKey& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.key < b.key;
  }
};

}  // namespace

struct JsonScanner::State {
  simdjson::dom::parser parser;
  std::vector<JsonField> fields;
  std::vector<Level> levels;
  std::vector<HashedKey> hashed;
  std::deque<std::string> unescaped_keys;

  void begin();
  Expected<void> index(std::string_view text);
  Expected<void> walk(std::string_view text, const JsonLimits& limits);
  Expected<void> begin_field(std::string_view text, size_t key_begin, size_t colon);
  void note_value(const char* base, const uint32_t* at, const Value& value);
  Expected<void> refuse_duplicates();
  void give_back();
};

void JsonScanner::State::begin() {
  fields.clear();
  unescaped_keys.clear();
  if (fields.capacity() > kKeptFields) fields.shrink_to_fit();
}

// Where the text's tokens begin: stage 1 of simdjson, which also checks UTF-8 and that strings are closed and hold no
// control characters. Only this stage is taken: its later ones refuse numbers that do not fit a double, and skip or
// copy what is not needed.
Expected<void> JsonScanner::State::index(std::string_view text) {
  if (parser.implementation == nullptr || parser.implementation->capacity() < text.size()) {
    if (auto code = parser.allocate(std::max(text.size(), kMinTextBytes), 1); code != simdjson::SUCCESS) {
      return stage_error(code);
    }
  }
  auto code = parser.implementation->stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                            simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS) return stage_error(code);
  return {};
}

void JsonScanner::State::give_back() {
  if (parser.implementation != nullptr && parser.implementation->capacity() > kKeptTextBytes) {
    parser.implementation.reset();
  }
  if (hashed.capacity() > kKeptFields) std::vector<HashedKey>().swap(hashed);
}

Expected<void> JsonScanner::State::begin_field(std::string_view text, size_t key_begin, size_t colon) {
  size_t close = colon - 1;
  while (text[close] != '"') --close;
  std::string_view inside = text.substr(key_begin + 1, close - key_begin - 1);
  JsonField field;
  field.key = inside;
  field.key_begin = key_begin;
  if (inside.find('\\') != std::string_view::npos) {
    auto key = unescape(inside);
    if (!key) return bad_at(key_begin, "a key with half a surrogate pair");
    field.key = unescaped_keys.emplace_back(std::move(*key));
  }
  fields.push_back(field);
  return {};
}

// The value of the field just begun; `at` is its token. The end of an object or array is noted when it comes.
void JsonScanner::State::note_value(const char* base, const uint32_t* at, const Value& value) {
  JsonField& field = fields.back();
  field.type = value.type;
  field.begin = *at;
  if (value.end != nullptr) field.end = static_cast<size_t>(value.end - base);
  if (value.type == JsonType::kString) {
    field.end = at[1];
    while (base[field.end - 1] != '"') --field.end;
  }
}

// Every token in order. What a token may be follows from the one before and from the container it stands in.
Expected<void> JsonScanner::State::walk(std::string_view text, const JsonLimits& limits) {
  const char* base = text.data();
  const uint32_t* at = parser.implementation->structural_indexes.get();
  const uint32_t* last = at + parser.implementation->n_structural_indexes - 1;
  if (base[*at] != '{') return bad("the JSON text must be one object");
  // With this brace as a stop no token below can run over the end.
  if (at == last || base[*last] != '}') return bad("invalid JSON: the text does not end with the object");
  if (levels.size() < limits.depth_max) levels.resize(limits.depth_max);

  size_t depth = 0;
  enum class Step : uint8_t { kValue, kKey, kAfterValue } step = Step::kValue;
  for (;; ++at) {
    if (at > last) return bad_at(text.size(), "the object is not closed");
    const char* p = base + *at;
    if (step == Step::kValue) {
      Value value = value_at(p);
      if (!value.valid) return bad_at(*at, "a value is expected");
      if (depth == 1) note_value(base, at, value);
      step = Step::kAfterValue;
      if (value.type <= JsonType::kArray) {
        if (depth == limits.depth_max) return bad_at(*at, "nested too deeply");
        bool is_object = value.type == JsonType::kObject;
        levels[depth++] = {.is_object = is_object};
        if (base[at[1]] != (is_object ? '}' : ']')) step = is_object ? Step::kKey : Step::kValue;
      }
    } else if (step == Step::kKey) {
      if (*p != '"') return bad_at(*at, "a key is expected");
      if (at == last || base[at[1]] != ':') return bad_at(*at, "a colon is expected behind the key");
      if (++levels[depth - 1].keys > limits.keys_max) return bad_at(*at, "too many keys in one object");
      if (depth == 1) {
        if (auto begun = begin_field(text, *at, at[1]); !begun) return begun;
      }
      ++at;
      step = Step::kValue;
    } else if (*p == ',') {
      step = levels[depth - 1].is_object ? Step::kKey : Step::kValue;
    } else if (*p == (levels[depth - 1].is_object ? '}' : ']')) {
      if (--depth == 1) fields.back().end = *at + 1;
      if (depth == 0) break;
    } else {
      return bad_at(*at, levels[depth - 1].is_object ? "a comma or } is expected" : "a comma or ] is expected");
    }
  }
  if (at != last) return bad_at(at[1], "something follows the object");
  return {};
}

Expected<void> JsonScanner::State::refuse_duplicates() {
  auto duplicate = [](std::string_view key) {
    return bad("duplicate key \"" + ascii::excerpt(key) + "\" in the JSON object");
  };
  if (fields.size() <= kComparedFields) {
    uint64_t seen = 0;  // by length and first byte: most keys are told apart without comparing
    for (size_t i = 0; i < fields.size(); ++i) {
      std::string_view key = fields[i].key;
      uint64_t bit = uint64_t{1} << ((key.size() * 7 + (key.empty() ? 0 : static_cast<uint8_t>(key[0]))) & 63);
      if ((seen & bit) != 0) {
        for (size_t j = 0; j < i; ++j) {
          if (fields[j].key == key) return duplicate(key);
        }
      }
      seen |= bit;
    }
    return {};
  }
  // Keys of one hash are sorted by their bytes: whoever finds collisions gains a string compare, not a quadratic.
  hashed.clear();
  hashed.reserve(fields.size());
  for (const JsonField& field : fields) hashed.push_back({std::hash<std::string_view>()(field.key), field.key});
  std::sort(hashed.begin(), hashed.end());
  auto same = [](const HashedKey& a, const HashedKey& b) { return a.hash == b.hash && a.key == b.key; };
  auto found = std::adjacent_find(hashed.begin(), hashed.end(), same);
  if (found != hashed.end()) return duplicate(found->key);
  return {};
}

JsonScanner::JsonScanner() : state_(std::make_unique<State>()) {}
JsonScanner::~JsonScanner() = default;
JsonScanner::JsonScanner(JsonScanner&&) noexcept = default;
JsonScanner& JsonScanner::operator=(JsonScanner&&) noexcept = default;

Expected<const std::vector<JsonField>*> JsonScanner::scan_object(std::string_view text, const JsonLimits& limits) {
  State& state = *state_;
  state.begin();
  if (text.starts_with("\xEF\xBB\xBF")) return bad("invalid JSON: it begins with a byte order mark");
  auto done = state.index(text);
  if (done) {
    if (size_t offset = find_bad_escape(text); offset != std::string_view::npos) done = bad_at(offset, "not an escape");
  }
  if (done) done = state.walk(text, limits);
  if (done) done = state.refuse_duplicates();
  state.give_back();
  if (!done) return std::unexpected(std::move(done.error()));
  return &state.fields;
}

std::optional<std::string> json_string(std::string_view span) {
  if (span.size() < 2 || span.front() != '"' || span.back() != '"') return std::nullopt;
  const std::string_view inside = span.substr(1, span.size() - 2);
  bool escaped = false;
  const char* const end = inside.data() + inside.size();
  // A quote inside that is not escaped would make it more than one string.
  if (detail::string_close(inside.data(), end, escaped) != end) return std::nullopt;
  return escaped ? unescape(inside) : std::string(inside);
}

std::optional<int64_t> json_int(std::string_view span) {
  std::string_view digits = span.starts_with('-') ? span.substr(1) : span;
  if (digits.empty() || !is_digit(digits[0]) || (digits[0] == '0' && digits.size() > 1)) return std::nullopt;
  int64_t value = 0;
  auto [end, error] = std::from_chars(span.data(), span.data() + span.size(), value);
  if (error != std::errc() || end != span.data() + span.size()) return std::nullopt;
  return value;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\') ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    char c = text[0];
    size_t taken = 1;
    switch (c) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\b': out.append("\\b"); break;
      case '\f': out.append("\\f"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      default:
        if (static_cast<uint8_t>(c) < 0x20) {
          out.append("\\u00").push_back(kHex[static_cast<uint8_t>(c) >> 4]);
          out.push_back(kHex[static_cast<uint8_t>(c) & 15]);
        } else if (size_t length = utf8_length(text); length > 0) {
          out.append(text.substr(0, length));
          taken = length;
        } else {
          out.append("\xEF\xBF\xBD");
        }
    }
    text.remove_prefix(taken);
  }
  out.push_back('"');
}

}  // namespace baton::http
