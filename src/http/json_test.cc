#include "http/json.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/json_twin.h"

namespace baton::http {
namespace {

// The text with its padding, which holds digits: a reader that runs on would take them for the text's.
class Padded {
 public:
  explicit Padded(std::string_view text) : bytes_(text), size_(text.size()) { bytes_.append(kJsonPadding, '7'); }
  std::string_view text() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::string bytes_;
  size_t size_;
};

std::string repeat(std::string_view piece, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += piece;
  return out;
}

// The fields as "key=type:value" lines, or "refused: why".
std::string describe(std::string_view text, const JsonLimits& limits = {}) {
  static constexpr std::string_view kTypes[] = {"object", "array", "string", "number", "bool", "null"};
  JsonScanner scanner;
  Padded padded(text);
  auto fields = scanner.scan_object(padded.text(), limits);
  if (!fields) {
    EXPECT_EQ(fields.error().code, ErrorCode::kBadRequest);
    EXPECT_EQ(fields.error().fault, Fault::kClient);
    return "refused: " + fields.error().detail;
  }
  std::string out;
  for (const JsonField& field : **fields) {
    EXPECT_EQ(text[field.key_begin], '"');
    out += std::string(field.key) + "=" + std::string(kTypes[static_cast<size_t>(field.type)]) + ":" +
           std::string(text.substr(field.begin, field.end - field.begin)) + "\n";
  }
  return out;
}

TEST(JsonScanner, finds_the_top_level_fields_with_exact_spans) {
  struct Case {
    std::string_view name, input, want;
  };
  const Case cases[] = {
      {"an empty object", "{}", ""},
      {"blanks around everything", " \r\n\t{ \"a\" : 1 , \"b\" : [ ] } \n", "a=number:1\nb=array:[ ]\n"},
      {"every type", R"({"o":{"x":{}},"a":[1,[2]],"s":"t","n":-1.5e+3,"t":true,"f":false,"z":null})",
       "o=object:{\"x\":{}}\na=array:[1,[2]]\ns=string:\"t\"\nn=number:-1.5e+3\nt=bool:true\nf=bool:false\nz=null:"
       "null\n"},
      {"a string value followed by blanks ends at its quote", "{\"a\":\"b\"  \n}", "a=string:\"b\"\n"},
      {"quotes and braces inside strings", R"({"a":"\"}{\\","b":"]"})", "a=string:\"\\\"}{\\\\\"\nb=string:\"]\"\n"},
      {"an escaped key is given unescaped", R"({"mod\u0065l":"x"})", "model=string:\"x\"\n"},
      {"a key of surrogate halves", R"({"\ud83d\ude00":1})", "\xF0\x9F\x98\x80=number:1\n"},
      {"an empty key", R"({"":0})", "=number:0\n"},
      {"a number too large for a double", R"({"a":1e400,"b":1e-400,"c":18446744073709551616,"d":-0})",
       "a=number:1e400\nb=number:1e-400\nc=number:18446744073709551616\nd=number:-0\n"},
      {"a lone surrogate in a value", R"({"a":"\ud800","b":["\udc00x"]})",
       "a=string:\"\\ud800\"\nb=array:[\"\\udc00x\"]\n"},
      {"nested duplicates are not the scanner's to judge", R"({"a":{"b":1,"b":2}})", "a=object:{\"b\":1,\"b\":2}\n"},
      {"text beyond ASCII", "{\"\xE6\x97\xA5\":\"\xE6\x9C\xAC\"}", "\xE6\x97\xA5=string:\"\xE6\x9C\xAC\"\n"},
      {"every escape", R"({"a":"\"\\\/\b\f\n\r\t\u00e9"})", "a=string:\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"\n"},
      {"DEL and U+2028 raw", "{\"a\":\"\x7f\xE2\x80\xA8\"}", "a=string:\"\x7f\xE2\x80\xA8\"\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(describe(c.input), c.want) << c.name;
}

TEST(JsonScanner, passes_over_a_number_of_ten_thousand_digits) {
  std::string digits(10'000, '9');
  EXPECT_EQ(describe("{\"a\":" + digits + ",\"b\":[" + digits + "." + digits + "]}"),
            "a=number:" + digits + "\nb=array:[" + digits + "." + digits + "]\n");
}

TEST(JsonScanner, refuses_with_a_sentence) {
  using namespace std::string_literals;
  struct Case {
    std::string_view name;
    std::string input, want;
  };
  const Case cases[] = {
      {"nothing", "", "the text is empty"},
      {"blanks only", " \n ", "the text is empty"},
      {"an array", "[]", "must be one object"},
      {"a number", "1", "must be one object"},
      {"a string", "\"x\"", "must be one object"},
      {"null", "null", "must be one object"},
      {"a byte order mark", "\xEF\xBB\xBF{}", "byte order mark"},
      {"UTF-16", "\xFF\xFE{\0}\0"s, "not valid UTF-8"},
      {"UTF-16 without a mark", "\0{\0}"s, "must be one object"},
      {"an overlong character", "{\"a\":\"\xC0\xAF\"}", "not valid UTF-8"},
      {"a raw surrogate", "{\"a\":\"\xED\xA0\x80\"}", "not valid UTF-8"},
      {"a character beyond Unicode", "{\"a\":\"\xF4\x90\x80\x80\"}", "not valid UTF-8"},
      {"a cut character", "{\"a\":\"\xE6\x97\"}", "not valid UTF-8"},
      {"two objects", "{}{}", "something follows"},
      {"a word behind the object", "{} x", "does not end with the object"},
      {"a zero behind the object", "{}\0"s, "does not end with the object"},
      {"an open object", "{\"a\":1", "does not end with the object"},
      {"an open inner object", "{\"a\":{}", "is not closed"},
      {"only the first brace", "{", "does not end with the object"},
      {"an open string", "{\"a\":\"}", "a string is not closed"},
      {"a raw line end in a string", "{\"a\":\"\n\"}", "control character"},
      {"a zero in a string", "{\"a\":\"\0\"}"s, "control character"},
      {"a comma before the end", "{\"a\":1,}", "a key is expected"},
      {"a comma first", "{,\"a\":1}", "a key is expected"},
      {"two commas", "{\"a\":[1,,2]}", "a value is expected"},
      {"a comma before an array's end", "{\"a\":[1,]}", "a value is expected"},
      {"no comma", "{\"a\":1 \"b\":2}", "a comma or } is expected"},
      {"no comma in an array", "{\"a\":[1 2]}", "a comma or ] is expected"},
      {"no colon", "{\"a\" 1}", "a colon is expected"},
      {"two colons", "{\"a\"::1}", "a value is expected"},
      {"a key that is a number", "{1:2}", "a key is expected"},
      {"no value", "{\"a\":}", "a value is expected"},
      {"brackets crossed", "{\"a\":[}]}", "a value is expected"},
      {"braces crossed", "{\"a\":{\"b\":1]}}", "a comma or } is expected"},
      {"garbage in a value that nobody reads", "{\"a\":[{\"b\":tru}]}", "a value is expected"},
      {"a word run on", "{\"a\":truex}", "a value is expected"},
      {"a number run on", "{\"a\":1x}", "a value is expected"},
      {"a number with a leading zero", "{\"a\":01}", "a value is expected"},
      {"a plus", "{\"a\":+1}", "a value is expected"},
      {"a bare minus", "{\"a\":-}", "a value is expected"},
      {"a point without digits", "{\"a\":1.}", "a value is expected"},
      {"an exponent without digits", "{\"a\":1e+}", "a value is expected"},
      {"a point first", "{\"a\":.5}", "a value is expected"},
      {"hexadecimal", "{\"a\":0x1}", "a value is expected"},
      {"NaN", "{\"a\":NaN}", "a value is expected"},
      {"single quotes", "{'a':1}", "a key is expected"},
      {"a comment", "{/**/}", "a key is expected"},
      {"a string run on", "{\"a\":\"b\"c}", "a comma or } is expected"},
      {"two strings", "{\"a\":\"b\"\"c\"}", "a comma or } is expected"},
      {"an unknown escape", "{\"a\":\"\\x\"}", "not an escape"},
      {"a short unicode escape", "{\"a\":\"\\u12\"}", "not an escape"},
      {"an unknown escape in a nested key", "{\"a\":{\"\\q\":1}}", "not an escape"},
      {"a backslash outside of strings", "{\"a\":\\n}", "a value is expected"},
      {"a control character that looks like a comma to a classifier", "{\"a\":1\x0c\"b\":2}", "a value is expected"},
      {"a control character that looks like a colon to a classifier", "{\"a\"\x1a 1}", "a colon is expected"},
      {"a vertical tab", "{\v}", "a key is expected"},
      {"half a surrogate pair in a key", R"({"\ud800":1})", "half a surrogate pair"},
      {"a duplicate key", R"({"model":"a","x":1,"model":"b"})", "duplicate key \"model\""},
      {"a duplicate key, once escaped", R"({"model":"a","mod\u0065l":"b"})", "duplicate key \"model\""},
      {"a duplicate empty key", R"({"":1,"":2})", "duplicate key"},
  };
  for (const Case& c : cases) {
    std::string got = describe(c.input);
    EXPECT_TRUE(got.starts_with("refused: ")) << c.name << ": " << got;
    EXPECT_NE(got.find(c.want), std::string::npos) << c.name << ": " << got;
  }
}

TEST(JsonScanner, reaches_its_limits_exactly) {
  auto nested = [](size_t arrays) { return "{\"a\":" + repeat("[", arrays) + repeat("]", arrays) + "}"; };
  EXPECT_EQ(describe(nested(127)), "a=array:" + repeat("[", 127) + repeat("]", 127) + "\n");
  EXPECT_NE(describe(nested(128)).find("nested too deeply"), std::string::npos);
  EXPECT_NE(describe(nested(10'000)).find("nested too deeply"), std::string::npos);
  EXPECT_NE(describe(repeat("{\"a\":", 10'000) + "1" + repeat("}", 10'000)).find("nested too deeply"),
            std::string::npos);
  EXPECT_EQ(describe("{\"a\":[]}", {.depth_max = 2}), "a=array:[]\n");
  EXPECT_NE(describe("{\"a\":[[]]}", {.depth_max = 2}).find("nested too deeply"), std::string::npos);

  EXPECT_EQ(describe("{\"a\":1,\"b\":2}", {.keys_max = 2}), "a=number:1\nb=number:2\n");
  EXPECT_NE(describe("{\"a\":1,\"b\":2,\"c\":3}", {.keys_max = 2}).find("too many keys"), std::string::npos);
  EXPECT_NE(describe("{\"a\":[{\"a\":1,\"b\":2,\"c\":3}]}", {.keys_max = 2}).find("too many keys"), std::string::npos);
  EXPECT_EQ(describe("{\"a\":{\"x\":1},\"b\":{\"x\":1,\"y\":2}}", {.keys_max = 2}),
            "a=object:{\"x\":1}\nb=object:{\"x\":1,\"y\":2}\n");
}

std::string many_keys(size_t count, std::string_view last) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i) text += "\"" + std::to_string(i) + "\":1,";
  return text + "\"" + std::string(last) + "\":1}";
}

TEST(JsonScanner, tells_a_hundred_thousand_keys_apart) {
  JsonScanner scanner;
  Padded distinct(many_keys(99'999, "x"));
  auto fields = scanner.scan_object(distinct.text());
  ASSERT_TRUE(fields);
  EXPECT_EQ((*fields)->size(), 100'000u);
  Padded doubled(many_keys(99'999, "50000"));
  auto refused = scanner.scan_object(doubled.text());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "duplicate key \"50000\" in the JSON object");
  Padded over(many_keys(100'000, "x"));
  EXPECT_FALSE(scanner.scan_object(over.text()));
  // The scanner is as before after all that.
  Padded small("{\"a\":1}");
  fields = scanner.scan_object(small.text());
  ASSERT_TRUE(fields);
  EXPECT_EQ((*fields)->size(), 1u);
}

TEST(JsonScanner, finds_duplicates_among_few_and_many_keys) {
  for (size_t count : {1u, 5u, 23u, 24u, 25u, 60u, 500u}) {
    EXPECT_FALSE(describe(many_keys(count, "x")).starts_with("refused")) << count;
    for (size_t twice : {size_t{0}, count / 2, count - 1}) {
      std::string got = describe(many_keys(count, std::to_string(twice)));
      EXPECT_EQ(got, "refused: duplicate key \"" + std::to_string(twice) + "\" in the JSON object") << count;
    }
  }
}

TEST(JsonScanner, reads_a_million_elements) {
  Padded padded("{\"a\":[0" + repeat(",1", 1'000'000) + "]}");
  JsonScanner scanner;
  auto fields = scanner.scan_object(padded.text());
  ASSERT_TRUE(fields);
  EXPECT_EQ((**fields)[0].end - (**fields)[0].begin, 2'000'003u);
}

TEST(JsonScanner, scans_an_inner_object_in_place) {
  Padded padded(R"({"usage":{"input_tokens":7,"output_tokens":12},"x":1})");
  JsonScanner scanner;
  auto fields = scanner.scan_object(padded.text());
  ASSERT_TRUE(fields);
  JsonField usage = (**fields)[0];
  auto inner = scanner.scan_object(padded.text().substr(usage.begin, usage.end - usage.begin));
  ASSERT_TRUE(inner);
  ASSERT_EQ((*inner)->size(), 2u);
  EXPECT_EQ((**inner)[1].key, "output_tokens");
}

// Backslashes at every place of the 64-byte blocks that the escape check works in.
TEST(JsonScanner, checks_escapes_wherever_they_stand) {
  for (size_t before = 0; before < 140; ++before) {
    for (std::string_view good : {"\\n", "\\\\", "\\u00e9", "\\\\\\\"", "\\\\\\\\\\n"}) {
      std::string text = "{\"a\":\"" + std::string(before, 'x') + std::string(good) + "\"}";
      EXPECT_FALSE(describe(text).starts_with("refused")) << before << " " << good;
    }
    for (std::string_view wrong : {"\\x", "\\u00g9", "\\\\\\x", "\\\\\\\\\\ "}) {
      std::string text = "{\"a\":\"" + std::string(before, 'x') + std::string(wrong) + "\"}";
      EXPECT_NE(describe(text).find("not an escape"), std::string::npos) << before << " " << wrong;
    }
  }
}

void expect_as_twin(JsonScanner& scanner, std::string_view text) {
  constexpr JsonLimits kLimits{.depth_max = 8, .keys_max = 30};
  Padded padded(text);
  auto got = scanner.scan_object(padded.text(), kLimits);
  auto want = fuzz::JsonTwin(text, kLimits.depth_max, kLimits.keys_max).read();
  ASSERT_EQ(got.has_value(), want.has_value()) << text << (got ? "" : got.error().detail);
  if (!got) return;
  ASSERT_EQ((*got)->size(), want->size()) << text;
  for (size_t i = 0; i < want->size(); ++i) {
    const JsonField& field = (**got)[i];
    EXPECT_EQ(field.key, (*want)[i].key) << text;
    EXPECT_EQ(field.key_begin, (*want)[i].key_begin) << text;
    EXPECT_EQ(field.begin, (*want)[i].begin) << text;
    EXPECT_EQ(field.end, (*want)[i].end) << text;
  }
}

TEST(JsonScanner, agrees_with_its_twin_on_all_short_texts) {
  constexpr std::string_view kAlphabet = "{}[]\",:1\\ ";
  JsonScanner scanner;
  for (size_t length = 0; length <= 4; ++length) {
    std::vector<size_t> digits(length, 0);
    while (true) {
      std::string inside;
      for (size_t d : digits) inside += kAlphabet[d];
      expect_as_twin(scanner, "{" + inside + "}");
      expect_as_twin(scanner, "{\"a\":" + inside + "}");
      if (HasFatalFailure()) return;
      size_t i = 0;
      while (i < length && ++digits[i] == kAlphabet.size()) digits[i++] = 0;
      if (i == length) break;
    }
  }
}

TEST(JsonScanner, agrees_with_its_twin_on_damaged_texts) {
  std::mt19937 random(20261124);
  auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  constexpr std::string_view kPieces[] = {
      "{", "}",    "[",   "]",     ",",      ":", "\"", "\\",   "\\u",          "0",    "1e9",
      "-", "true", "nul", "\"a\"", "\"b\":", " ", "\n", "\x01", "\xE6\x97\xA5", "\xC3", "\\ud800"};
  const std::string whole =
      R"({"a":[1,-2.5e3,{"b":"c\nd","\u0062x":null}],"b":"\ud83d\ude00 \\","c":{"d":[[],{}]},"e":true })";
  JsonScanner scanner;
  size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (size_t edits = below(3) + 1; edits > 0; --edits) {
      size_t at = below(text.size());
      switch (below(4)) {
        case 0: text.erase(at, below(4) + 1); break;
        case 1: text.insert(at, kPieces[below(std::size(kPieces))]); break;
        case 2: text.replace(at, 1, kPieces[below(std::size(kPieces))]); break;
        default: text[at] = static_cast<char>(random() & 0xff); break;
      }
      if (text.empty()) text = " ";
    }
    expect_as_twin(scanner, text);
    if (HasFatalFailure()) return;
    accepted += fuzz::JsonTwin(text, 8, 30).read().has_value() ? 1 : 0;
  }
  EXPECT_GT(accepted, 500u);  // both sides of the border were visited
}

TEST(JsonString, unescapes_or_gives_nothing) {
  struct Case {
    std::string_view input;
    std::optional<std::string> want;
  };
  const Case cases[] = {
      {R"("")", ""},
      {R"("abc")", "abc"},
      {R"("a\"\\\/\b\f\n\r\tz")", "a\"\\/\b\f\n\r\tz"},
      {R"("\u0041\u00e9\u65e5\ud83d\ude00")", "A\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80"},
      {R"("\u0000")", std::string(1, '\0')},
      {R"("\ud800")", std::nullopt},
      {R"("\ud800x")", std::nullopt},
      {R"("\udc00")", std::nullopt},
      {R"("\ud800\u0041")", std::nullopt},
      {R"("\ud800\ud800")", std::nullopt},
      {R"("\u12")", std::nullopt},
      {R"("\q")", std::nullopt},
      {R"("\")", std::nullopt},
      {R"("a" "b")", std::nullopt},
      {R"(")", std::nullopt},
      {"12", std::nullopt},
      {"null", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(json_string(c.input), c.want) << c.input;
}

TEST(JsonInt, is_exact_or_nothing) {
  struct Case {
    std::string_view input;
    std::optional<int64_t> want;
  };
  const Case cases[] = {
      {"0", 0},
      {"-0", 0},
      {"7", 7},
      {"-7", -7},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"9223372036854775808", std::nullopt},
      {"1e3", std::nullopt},
      {"1.0", std::nullopt},
      {"01", std::nullopt},
      {"-", std::nullopt},
      {"", std::nullopt},
      {"+1", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", std::nullopt},
      {"\"1\"", std::nullopt},
      {"null", std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(json_int(c.input), c.want) << c.input;
}

TEST(AppendJsonString, writes_what_any_reader_takes) {
  struct Case {
    std::string_view input, want;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"\"\\/", R"("\"\\/")"},
      {"\b\f\n\r\t\x01\x1f", R"("\b\f\n\r\t\u0001\u001f")"},
      {"\xE6\x97\xA5\xF0\x9F\x98\x80", "\"\xE6\x97\xA5\xF0\x9F\x98\x80\""},
      {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
      {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xE6\x97", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\x7f", "\"\x7f\""},
  };
  for (const Case& c : cases) {
    std::string out = "x";
    append_json_string(out, c.input);
    EXPECT_EQ(out, "x" + std::string(c.want));
  }
}

}  // namespace
}  // namespace baton::http
