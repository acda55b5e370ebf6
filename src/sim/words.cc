#include "sim/words.h"

#include <array>

#include "sim/mix.h"

namespace baton::sim {

namespace {

constexpr Word plain(std::string_view text) { return {text, text}; }

constexpr std::array kOpening = {plain("This"),      plain(" is"), plain(" the"),  plain(" simulator"),
                                 plain(" speaking"), plain("."),   plain(" 你好"), plain(" 👋")};

constexpr std::array kWords = {plain(" the"),
                               plain(" a"),
                               plain(" of"),
                               plain(" to"),
                               plain(" and"),
                               plain(" in"),
                               plain(" is"),
                               plain(" it"),
                               plain(" for"),
                               plain(" with"),
                               plain(" on"),
                               plain(" that"),
                               plain(" as"),
                               plain(" stream"),
                               plain(" token"),
                               plain(" relay"),
                               plain(" answer"),
                               plain(" question"),
                               plain(" model"),
                               plain(" context"),
                               plain(" window"),
                               plain(" cache"),
                               plain(" prefix"),
                               plain(" request"),
                               plain(" reply"),
                               plain(" event"),
                               plain(" byte"),
                               plain(" network"),
                               plain(" server"),
                               plain(" client"),
                               plain(" value"),
                               plain(" result"),
                               plain(" example"),
                               plain(" number"),
                               plain(" order"),
                               plain(" time"),
                               plain(" limit"),
                               plain(" account"),
                               plain(" key"),
                               plain(" message"),
                               plain(" simple"),
                               plain(" steady"),
                               plain(" quick"),
                               plain(" careful"),
                               plain(" small"),
                               plain(" whole"),
                               plain(" exact"),
                               plain(","),
                               plain("."),
                               plain(";"),
                               plain(" 测试"),
                               plain("数据"),
                               plain("，"),
                               plain(" こんにちは"),
                               plain(" 안녕"),
                               plain(" naïve"),
                               plain(" café"),
                               plain(" 🚀"),
                               plain(" 👩‍💻"),
                               plain(" 𝛼"),
                               Word{"\n", "\\n"},
                               Word{"\t", "\\t"},
                               Word{" \"quoted\"", " \\\"quoted\\\""},
                               Word{" back\\slash", " back\\\\slash"}};

// Appends `count` characters of the alphabet, which must not be longer than 64.
void append_drawn(std::string& out, std::string_view alphabet, uint64_t key, size_t count) {
  uint64_t bits = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i % 8 == 0) bits = mix(key, i + 1);
    out.push_back(alphabet[(bits & 0xff) * alphabet.size() >> 8]);
    bits >>= 8;
  }
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

const Word& word(uint64_t key, uint64_t index) {
  if (index < kOpening.size()) return kOpening[index];
  uint64_t drawn = mix(key, index);
  return kWords[static_cast<size_t>(static_cast<unsigned __int128>(drawn) * kWords.size() >> 64)];
}

std::string make_id(std::string_view prefix, uint64_t key) {
  std::string out;
  out.reserve(prefix.size() + 22);
  out += prefix;
  append_drawn(out, kBase64.substr(0, 62), key, 22);
  return out;
}

std::string make_signature(uint64_t key) {
  std::string out;
  out.reserve(108);
  append_drawn(out, kBase64, key, 108);
  return out;
}

}  // namespace baton::sim
