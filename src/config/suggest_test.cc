#include "config/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace baton::config {
namespace {

// The definition itself: the fewest edits, found by trying every first step.
size_t obvious_distance(std::string_view a, std::string_view b) {
  if (a.empty()) return b.size();
  if (b.empty()) return a.size();
  size_t best = obvious_distance(a.substr(1), b.substr(1)) + (a[0] == b[0] ? 0 : 1);
  best = std::min(best, obvious_distance(a.substr(1), b) + 1);
  best = std::min(best, obvious_distance(a, b.substr(1)) + 1);
  if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0])
    best = std::min(best, obvious_distance(a.substr(2), b.substr(2)) + 1);
  return best;
}

std::vector<std::string> words_up_to(size_t length) {
  std::vector<std::string> words{""};
  for (size_t first = 0; first < words.size(); ++first) {
    if (words[first].size() == length) break;
    for (const char c : {'a', 'b', 'c'}) words.push_back(words[first] + c);
  }
  return words;
}

TEST(EditDistance, AgreesWithTheDefinitionOnAllSmallWords) {
  const std::vector<std::string> words = words_up_to(4);
  for (const std::string& a : words) {
    for (const std::string& b : words) ASSERT_EQ(edit_distance(a, b), obvious_distance(a, b)) << a << " " << b;
  }
}

TEST(Suggest, FindsWhatWasMeant) {
  static constexpr std::array<std::string_view, 6> kKnown{"listen",       "clients", "accounts",
                                                          "idle_timeout", "key",     "ca_file"};
  struct {
    std::string_view word;
    std::string_view want;
  } const cases[] = {
      {"lisen", "listen"},
      {"Listen", "listen"},
      {"client", "clients"},
      {"acounts", "accounts"},
      {"idle-timeout", "idle_timeout"},
      {"idletimeout", "idle_timeout"},
      {"kye", "key"},
      {"cafile", "ca_file"},
      {"listener", "listen"},
      {"banana", ""},
      {"", ""},
      {"x", ""},
      {std::string_view("a very long word that is nothing like any key which this table holds"), ""},
  };
  for (const auto& c : cases) EXPECT_EQ(suggest(c.word, kKnown), c.want) << c.word;
}

}  // namespace
}  // namespace baton::config
