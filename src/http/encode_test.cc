#include "http/encode.h"

#include <gtest/gtest.h>

#include "base/units.h"

namespace baton::http {
namespace {

TEST(EncodeTest, WhatWasEncodedIsDecodedAgain) {
  std::string text;
  for (int i = 0; text.size() < 100'000; ++i)
    text += "{\"role\":\"user\",\"content\":\"line " + std::to_string(i) + "\"},";
  for (const Coding coding : {Coding::kGzip, Coding::kZstd}) {
    const auto packed = encode_whole(coding, text);
    ASSERT_TRUE(packed.has_value());
    EXPECT_LT(packed->size(), text.size() / 4);
    const auto plain = decode_whole(coding, *packed, {.output_bytes_max = 1 * kMiB});
    ASSERT_TRUE(plain.has_value());
    EXPECT_EQ(*plain, text);
  }
}

TEST(EncodeTest, WhatDoesNotBecomeSmallerIsLeft) {
  std::string noise;
  uint64_t state = 1;
  for (int i = 0; i < 50'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    noise.push_back(static_cast<char>(state >> 56));
  }
  for (const Coding coding : {Coding::kGzip, Coding::kZstd}) EXPECT_FALSE(encode_whole(coding, noise).has_value());
  EXPECT_FALSE(encode_whole(Coding::kGzip, "").has_value());
  EXPECT_FALSE(encode_whole(Coding::kIdentity, std::string(1000, 'x')).has_value());
  EXPECT_FALSE(encode_whole(Coding::kBrotli, std::string(1000, 'x')).has_value());
}

}  // namespace
}  // namespace baton::http
