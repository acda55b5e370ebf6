#include "sim/words.h"

#include <algorithm>
#include <array>
#include <cstring>

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

// What every word's JSON has room in; a copy of that fixed size is the quickest.
constexpr size_t kWordBytesMax = 24;

struct PaddedWord {
  std::array<char, kWordBytesMax> json{};
  uint8_t size = 0;
};

template <size_t N>
constexpr std::array<PaddedWord, N> padded(const std::array<Word, N>& words) {
  std::array<PaddedWord, N> out;
  for (size_t i = 0; i < N; ++i) {
    for (size_t j = 0; j < words[i].json.size(); ++j) out[i].json[j] = words[i].json[j];  // too long does not compile
    out[i].size = static_cast<uint8_t>(words[i].json.size());
  }
  return out;
}
constexpr auto kPaddedOpening = padded(kOpening);
constexpr auto kPaddedWords = padded(kWords);

size_t drawn(uint64_t key, uint64_t index) {
  return static_cast<size_t>(static_cast<unsigned __int128>(mix(key, index)) * kWords.size() >> 64);
}

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
  return kWords[drawn(key, index)];
}

void append_words(std::string& out, uint64_t key, uint64_t count) {
  constexpr uint64_t kWordsAtOnce = 1'024;
  for (uint64_t i = 0; i < count;) {
    uint64_t end = std::min(count, i + kWordsAtOnce);
    size_t before = out.size();
    out.resize_and_overwrite(before + (end - i) * kWordBytesMax, [&](char* bytes, size_t) {
      char* to = bytes + before;
      for (; i < end; ++i) {
        const PaddedWord& next = i < kOpening.size() ? kPaddedOpening[i] : kPaddedWords[drawn(key, i)];
        std::memcpy(to, next.json.data(), kWordBytesMax);
        to += next.size;
      }
      return static_cast<size_t>(to - bytes);
    });
  }
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
