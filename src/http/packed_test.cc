#include "http/packed.h"

#include <gtest/gtest.h>

namespace baton::http {
namespace {

TEST(Packed, what_is_packed_comes_back) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "{\"text\":\"line " + std::to_string(i) + "\"}";
  auto packed = pack(text);
  ASSERT_TRUE(packed);
  EXPECT_LT(packed->size(), text.size() / 3);
  EXPECT_EQ(unpack(*packed, text.size()), text);
}

TEST(Packed, what_does_not_get_smaller_stays) {
  std::string noise;
  for (uint64_t i = 0, z = 1; i < 5000; ++i)
    noise.push_back(static_cast<char>((z = z * 6364136223846793005u + 1442695040888963407u) >> 56));
  EXPECT_EQ(pack(noise), std::nullopt);
}

TEST(Packed, the_broken_and_the_wrong_length_give_nothing) {
  const std::string text(5000, 'a');
  auto packed = pack(text);
  ASSERT_TRUE(packed);
  EXPECT_EQ(unpack(*packed, text.size() - 1), std::nullopt);
  EXPECT_EQ(unpack(*packed, text.size() + 1), std::nullopt);
  EXPECT_EQ(unpack(packed->substr(0, packed->size() / 2), text.size()), std::nullopt);
  EXPECT_EQ(unpack("", text.size()), std::nullopt);
}

}  // namespace
}  // namespace baton::http
