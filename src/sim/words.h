// Words: the simulated model's vocabulary. Token `index` of text `key` is known without the ones before it, so that a
// stream is made while it is sent and a reply of any length holds no memory. Thread: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace baton::sim {

struct Word {
  std::string_view text;  // UTF-8
  std::string_view json;  // the same inside a JSON string
};

// The first few tokens of every text say what is speaking; the others are drawn by key and index, with some CJK, emoji
// and escapes.
const Word& word(uint64_t key, uint64_t index);
// Appends the first `count` tokens of a text as they stand inside a JSON string.
void append_words(std::string& out, uint64_t key, uint64_t count);

// "msg_01" and 22 characters of base 62.
std::string make_id(std::string_view prefix, uint64_t key);
// Looks like the signature of a thinking block; 108 characters of base 64.
std::string make_signature(uint64_t key);

}  // namespace baton::sim
