#include "reuse/canonical.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "http/json.h"
#include "runtime/clock.h"

namespace baton::reuse {
namespace {

// The twin: slow, and plain to see. A value as a tree of its own, written from there.
struct Plain {
  enum class Kind { kObject, kArray, kString, kNumber, kBool, kNull } kind = Kind::kNull;
  std::string text = {};  // of a string its characters, of a number its digits
  std::string name = {};  // as a member of an object
  std::vector<Plain> items = {};
};

void put(std::string& out, std::string_view text) {
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<char>(text.size() >> (8 * i) & 0xff));
  out.append(text);
}
void put_count(std::string& out, size_t count) {
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<char>(count >> (8 * i) & 0xff));
}

void write(std::string& out, const Plain& value, bool top = false) {
  switch (value.kind) {
    case Plain::Kind::kObject: {
      std::map<std::string, const Plain*> sorted;
      for (const Plain& item : value.items) {
        if (top && (item.name == "stream" || item.name == "metadata" || item.name == "diagnostics")) continue;
        sorted.emplace(item.name, &item);
      }
      out.push_back('o');
      put_count(out, sorted.size());
      for (const auto& [name, item] : sorted) {
        put(out, name);
        if (top && name == "system" && item->kind == Plain::Kind::kArray && !item->items.empty()) {
          const Plain& block = item->items[0];
          bool billing = false;
          for (const Plain& text : block.items) {
            if (text.name == "text" && text.kind == Plain::Kind::kString)
              billing = text.text.starts_with("x-anthropic-billing-header:");
          }
          if (block.kind == Plain::Kind::kObject && billing) {
            Plain rest = *item;
            rest.items.erase(rest.items.begin());
            write(out, rest);
            continue;
          }
        }
        write(out, *item);
      }
      return;
    }
    case Plain::Kind::kArray:
      out.push_back('a');
      put_count(out, value.items.size());
      for (const Plain& item : value.items) write(out, item);
      return;
    case Plain::Kind::kString: out.push_back('s'); return put(out, value.text);
    case Plain::Kind::kNumber: out.push_back('n'); return put(out, value.text);
    case Plain::Kind::kBool: out.push_back(value.text == "true" ? 't' : 'f'); return;
    case Plain::Kind::kNull: out.push_back('z'); return;
  }
}

class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t n) { return random_.next() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  runtime::Random random_;
};

std::string characters(Chance& chance) {
  static const std::string kPieces[] = {"a",
                                        "b",
                                        "\\",
                                        "\"",
                                        "\n",
                                        "/",
                                        "\xc3\xa9",
                                        "\xe6\x97\xa5",
                                        "\xf0\x9f\x98\x80",
                                        "\x01",
                                        "\t",
                                        "a long run of plain text, more than a block",
                                        " ",
                                        "0"};
  std::string out;
  for (uint64_t i = chance.below(6); i > 0; --i) out += kPieces[chance.below(std::size(kPieces))];
  return out;
}

Plain value(Chance& chance, int depth) {
  const uint64_t kind = depth > 4 ? 2 + chance.below(4) : chance.below(6);
  switch (kind) {
    case 0: {
      Plain object{.kind = Plain::Kind::kObject};
      static const std::string kNames[] = {"text", "type",     "role",      "stream",      "system",       "",
                                           "a",    "ab",       "aaaaaaaab", "aaaaaaaaa",   "metadata",     "a\"b",
                                           "z\n",  "aaaaaaaa", "\xc3\xa9",  "diagnostics", "cache_control"};
      for (uint64_t i = chance.below(depth == 0 ? 40 : 8); i > 0; --i) {
        std::string name = chance.one_in(4) ? characters(chance) : kNames[chance.below(std::size(kNames))];
        if (std::ranges::any_of(object.items, [&](const auto& one) { return one.name == name; })) continue;
        object.items.push_back(value(chance, depth + 1));
        object.items.back().name = std::move(name);
      }
      return object;
    }
    case 1: {
      Plain array{.kind = Plain::Kind::kArray};
      for (uint64_t i = chance.below(5); i > 0; --i) array.items.push_back(value(chance, depth + 1));
      return array;
    }
    case 2: {
      Plain text{.kind = Plain::Kind::kString, .text = characters(chance)};
      if (chance.one_in(12)) text.text.insert(0, "x-anthropic-billing-header: ");
      return text;
    }
    case 3: {
      static const char* kNumbers[] = {"0", "1", "-1.5e3", "1.0", "12345678901234567890"};
      return {.kind = Plain::Kind::kNumber, .text = kNumbers[chance.below(5)]};
    }
    case 4: return {.kind = Plain::Kind::kBool, .text = chance.one_in(2) ? "true" : "false"};
    default: return {};
  }
}

Plain question(Chance& chance) {
  Plain top = value(chance, 0);
  while (top.kind != Plain::Kind::kObject) top = value(chance, 0);
  return top;
}

// A string as some client may write it.
void spell(std::string& out, std::string_view text, Chance& chance) {
  out.push_back('"');
  for (size_t at = 0; at < text.size();) {
    const auto c = static_cast<uint8_t>(text[at]);
    char hex[16];
    if (c < 0x80) {
      if (chance.one_in(9) || (c < 0x20 && chance.one_in(2))) {
        std::snprintf(hex, sizeof hex, chance.one_in(2) ? "\\u%04x" : "\\u%04X", c);
        out += hex;
      } else if (c == '"' || c == '\\' || (c == '/' && chance.one_in(2))) {
        out.append("\\").push_back(text[at]);
      } else if (c < 0x20) {
        if (c == '\n') {
          out += "\\n";
        } else if (c == '\t') {
          out += "\\t";
        } else {
          std::snprintf(hex, sizeof hex, "\\u%04x", c);
          out += hex;
        }
      } else {
        out.push_back(text[at]);
      }
      ++at;
      continue;
    }
    const size_t bytes = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    uint32_t point = c & (bytes == 4 ? 0x07u : bytes == 3 ? 0x0fu : 0x1fu);
    for (size_t i = 1; i < bytes; ++i) point = point << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3fu);
    if (chance.one_in(2)) {
      out.append(text.substr(at, bytes));
    } else if (point < 0x10000) {
      std::snprintf(hex, sizeof hex, "\\u%04x", point);
      out += hex;
    } else {
      std::snprintf(hex, sizeof hex, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
                    0xdc00 + ((point - 0x10000) & 0x3ff));
      out += hex;
    }
    at += bytes;
  }
  out.push_back('"');
}

void blank(std::string& out, Chance& chance) {
  while (chance.one_in(5)) out.push_back(" \n\t\r"[chance.below(4)]);
}

void spell(std::string& out, const Plain& one, Chance& chance) {
  blank(out, chance);
  if (one.kind == Plain::Kind::kObject || one.kind == Plain::Kind::kArray) {
    const bool object = one.kind == Plain::Kind::kObject;
    std::vector<const Plain*> items;
    for (const auto& item : one.items) items.push_back(&item);
    if (object) {
      for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[chance.below(i)]);
    }
    out.push_back(object ? '{' : '[');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out.push_back(',');
      blank(out, chance);
      if (object) {
        spell(out, std::string_view(items[i]->name), chance);
        blank(out, chance);
        out.push_back(':');
      }
      spell(out, *items[i], chance);
    }
    blank(out, chance);
    out.push_back(object ? '}' : ']');
  } else if (one.kind == Plain::Kind::kString) {
    spell(out, std::string_view(one.text), chance);
  } else {
    out += one.kind == Plain::Kind::kNull ? "null" : one.text;
  }
  blank(out, chance);
}

// Some value of the question, to be changed.
Plain& some(Plain& in, Chance& chance) {
  if (in.items.empty() || chance.one_in(3)) return in;
  return some(in.items[chance.below(in.items.size())], chance);
}

std::string canonical(Canonical& writer, std::string_view body) {
  EXPECT_TRUE(writer.write({.tenant = "t", .path = "/p", .version = "v", .betas = {}, .body = body})) << body;
  return std::string(writer.text());
}

std::string slow(const Plain& top) {
  std::string out;
  put(out, "t");
  put(out, "/p");
  put(out, "v");
  put_count(out, 0);
  write(out, top, /*top=*/true);
  return out;
}

TEST(Canonical, is_what_the_slow_twin_says_however_it_is_written_and_another_text_for_another_meaning) {
  Canonical writer;
  http::JsonScanner scanner;
  size_t changed = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    Chance chance(seed);
    Plain top = question(chance);
    const std::string want = slow(top);
    for (int spelling = 0; spelling < 2; ++spelling) {
      std::string body;
      spell(body, top, chance);
      std::string padded = body + std::string(http::kJsonPadding, '\0');
      ASSERT_TRUE(scanner.scan_object(std::string_view(padded).substr(0, body.size()))) << body;
      ASSERT_EQ(canonical(writer, body), want) << "seed " << seed << ": " << body;
    }
    // Any change that the twin sees is seen.
    Plain& part = some(top, chance);
    if (&part == &top) continue;
    std::string name = part.name;
    part = value(chance, 3);
    part.name = std::move(name);
    std::string body;
    spell(body, top, chance);
    const std::string now = slow(top);
    ASSERT_EQ(canonical(writer, body), now) << "seed " << seed << ": " << body;
    changed += now != want ? 1 : 0;
  }
  EXPECT_GT(changed, 1500u);
}

TEST(Canonical, a_name_twice_is_refused_wherever_it_stands) {
  Canonical writer;
  std::string many = "{";
  for (int i = 99; i >= 0; --i) many += "\"k" + std::to_string(i) + "\":1,";
  for (const std::string& body : {std::string(R"({"a":1,"a":1})"), std::string(R"({"b":{"x":1,"y":2,"x":3}})"),
                                  std::string(R"({"a":1,"\u0061":2})"),
                                  std::string(R"({"aaaaaaaab":1,"c":2,"aaaaaaaab":3})"), many + "\"k50\":2}"}) {
    EXPECT_FALSE(writer.write({.tenant = "t", .path = "/", .version = "1", .betas = {}, .body = body})) << body;
  }
  EXPECT_TRUE(writer.write({.tenant = "t", .path = "/", .version = "1", .betas = {}, .body = many + "\"l\":2}"}));
}

// The shapes that grow most between what is written and what is hashed.
TEST(Canonical, there_is_room_for_whatever_is_written_most_tightly) {
  Canonical writer;
  const auto repeated = [](std::string_view piece, size_t times) {
    std::string out;
    for (size_t i = 0; i < times; ++i) out.append(i > 0 ? "," : "").append(piece);
    return out;
  };
  for (std::string_view piece : {"1", "[]", "{}", "\"\"", "[1]", "{\"\":1}", "null", "[[[1]]]"}) {
    const std::string body = "{\"a\":[" + repeated(piece, 10'000) + "]}";
    EXPECT_FALSE(canonical(writer, body).empty()) << piece;
  }
}

TEST(Canonical, gives_back_the_room_of_a_large_question) {
  Canonical writer;
  const std::string large = "{\"a\":\"" + std::string(1 * kMiB, 'x') + "\"}";
  const std::string before = canonical(writer, large);
  writer.shrink();
  EXPECT_TRUE(writer.text().empty());
  EXPECT_EQ(canonical(writer, large), before);
}

}  // namespace
}  // namespace baton::reuse
