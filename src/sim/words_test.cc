#include "sim/words.h"

#include <gtest/gtest.h>

#include <set>

#include "http/json.h"

namespace baton::sim {
namespace {

TEST(Words, TheirJsonIsTheirTextAndAllAtOnceIsOneByOne) {
  for (uint64_t key = 1; key <= 3; ++key) {
    std::string one_by_one;
    for (uint64_t i = 0; i < 2'500; ++i) {
      const Word& next = word(key, i);
      one_by_one += next.json;
      EXPECT_EQ(http::json_string("\"" + std::string(next.json) + "\""), next.text);
    }
    std::string at_once = "before";
    append_words(at_once, key, 2'500);
    EXPECT_EQ(at_once, "before" + one_by_one);
  }
}

TEST(Words, TextsDifferByKeyAndUseTheWholeVocabulary) {
  std::set<std::string_view> seen;
  size_t equal = 0;
  for (uint64_t i = 8; i < 1'008; ++i) {
    seen.insert(word(1, i).text);
    if (word(1, i).text == word(2, i).text) ++equal;
    if (word(1, i).text == word(1, i + 1).text) ++equal;
  }
  EXPECT_GT(seen.size(), 60u);
  EXPECT_LT(equal, 100u);
}

TEST(Words, IdsHaveTheirFormAndAreDifferent) {
  std::set<std::string> seen;
  for (uint64_t key = 0; key < 10'000; ++key) seen.insert(make_id("req_011C", key));
  EXPECT_EQ(seen.size(), 10'000u);
  EXPECT_EQ(seen.begin()->size(), 30u);
  EXPECT_EQ(make_signature(1).size(), 108u);
}

}  // namespace
}  // namespace baton::sim
