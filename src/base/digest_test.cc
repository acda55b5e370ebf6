#include "base/digest.h"

#include <gtest/gtest.h>

namespace baton {
namespace {

TEST(Digest, HmacIsThatOfTheStandard) {
  struct {
    std::string_view name;
    std::string key;
    std::string text;
    std::string_view want;
  } const cases[] = {
      {"RFC 4231, 1", std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"RFC 4231, 2", "Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {"RFC 4231, 6: a key longer than a block", std::string(131, '\xaa'),
       "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const auto& c : cases) EXPECT_EQ(hex(hmac_sha256(c.key, c.text)), c.want) << c.name;
}

TEST(Digest, HkdfIsThatOfTheStandard) {
  std::string salt;
  for (char c = 0; c < 13; ++c) salt.push_back(c);
  std::string info;
  for (int c = 0xf0; c < 0xfa; ++c) info.push_back(static_cast<char>(c));
  // RFC 5869 A.1 and A.3, of which these are the first 32 bytes.
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), salt, info)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), "", "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

}  // namespace
}  // namespace baton
