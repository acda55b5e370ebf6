#include "base/sealed.h"

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(Sealed, opens_with_the_same_key_about_the_same_thing_only) {
  const Sha256 key{1, 2, 3};
  for (const size_t bytes : {0u, 1u, 16u, 5000u}) {
    const std::string plain(bytes, 'p');
    const std::string sealed = seal(key, "about", plain);
    EXPECT_EQ(unseal(key, "about", sealed), plain);
    EXPECT_EQ(unseal(key, "abouT", sealed), std::nullopt);
    EXPECT_EQ(unseal(Sha256{1, 2, 4}, "about", sealed), std::nullopt);
    EXPECT_NE(seal(key, "about", plain), sealed) << "each has a nonce of its own";
    if (bytes > 15) EXPECT_EQ(sealed.find("pppp"), sealed.npos);
  }
}

TEST(Sealed, does_not_open_with_any_bit_changed_or_any_byte_missing) {
  const Sha256 key{7};
  const std::string sealed = seal(key, "", "twelve bytes");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(unseal(key, "", changed), std::nullopt) << i;
    EXPECT_EQ(unseal(key, "", sealed.substr(0, i)), std::nullopt) << i;
  }
  EXPECT_EQ(unseal(key, "", sealed + "x"), std::nullopt);
}

}  // namespace
}  // namespace baton
