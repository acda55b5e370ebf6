#include "base/ascii.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::ascii {
namespace {

bool equal_bytewise(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

TEST(Ascii, EveryPairOfBytesIsComparedAsOneByOne) {
  for (const size_t at : {0, 7, 8, 9}) {
    std::string a = "Some-Text.";
    std::string b = "sOME-tEXT.";
    for (int x = 0; x < 256; ++x) {
      for (int y = 0; y < 256; ++y) {
        a[at] = static_cast<char>(x);
        b[at] = static_cast<char>(y);
        ASSERT_EQ(equal_ignoring_case(a, b), equal_bytewise(a, b)) << x << " " << y << " at " << at;
      }
    }
  }
}

TEST(Ascii, TextsOfEveryLengthAreComparedToTheirEnds) {
  const std::string text = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789";
  const std::string same = "abcdefghijklmnopqrstuvwxyz-0123456789";
  for (size_t size = 0; size <= text.size(); ++size) {
    const std::string_view a = std::string_view(text).substr(0, size);
    EXPECT_TRUE(equal_ignoring_case(a, std::string_view(same).substr(0, size))) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string other = same.substr(0, size);
      other[at] = '*';
      EXPECT_FALSE(equal_ignoring_case(a, other)) << size << " at " << at;
    }
    EXPECT_FALSE(equal_ignoring_case(a, same + "x")) << size;
  }
}

}  // namespace
}  // namespace baton::ascii
