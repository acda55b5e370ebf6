#include "upstream/request_coding.h"

#include <gtest/gtest.h>

namespace baton::upstream {
namespace {

using http::Coding;
using namespace std::chrono_literals;
const Instant kNow = Instant{} + std::chrono::hours(5);

TEST(RequestCodingTest, OffIsIdentityWhateverTheSize) {
  RequestCoding coding;
  coding.round_trip(200ms);
  coding.met_baton();
  EXPECT_EQ(coding.choose(500'000, kNow), Coding::kIdentity);
  EXPECT_FALSE(coding.wants_round_trip(500'000));
}

TEST(RequestCodingTest, AlwaysPacksWhatIsWorthIt) {
  RequestCoding coding(Compress::kAlways);
  EXPECT_EQ(coding.choose(RequestCoding::kBytesMin - 1, kNow), Coding::kIdentity);
  EXPECT_EQ(coding.choose(RequestCoding::kBytesMin, kNow), Coding::kGzip);
  EXPECT_EQ(coding.choose(RequestCoding::kBytesMax, kNow), Coding::kGzip);
  EXPECT_EQ(coding.choose(RequestCoding::kBytesMax + 1, kNow), Coding::kIdentity);
  coding.met_baton();
  EXPECT_EQ(coding.choose(100'000, kNow), Coding::kZstd);
}

TEST(RequestCodingTest, AutoPacksOnlyOnAFarLink) {
  struct {
    const char* name;
    Duration round_trip;
    size_t bytes;
    Coding want;
  } const cases[] = {
      {"not measured yet", 0ms, 200'000, Coding::kIdentity},     {"the same host", 50us, 200'000, Coding::kIdentity},
      {"the same region", 1ms, 200'000, Coding::kIdentity},      {"another continent", 90ms, 200'000, Coding::kGzip},
      {"far, but a small body", 90ms, 8'000, Coding::kIdentity}, {"far and 50 KB", 40ms, 50'000, Coding::kGzip},
  };
  for (const auto& c : cases) {
    RequestCoding coding(Compress::kAuto);
    coding.round_trip(c.round_trip);
    EXPECT_EQ(coding.choose(c.bytes, kNow), c.want) << c.name;
  }
}

TEST(RequestCodingTest, AutoLearnsThatPackingDoesNotHelp) {
  RequestCoding coding(Compress::kAuto);
  coding.round_trip(20ms);
  ASSERT_EQ(coding.choose(200'000, kNow), Coding::kGzip);
  for (int i = 0; i < 50; ++i) coding.packed(200'000, 170'000, 20ms);  // hardly smaller, and slow
  EXPECT_EQ(coding.choose(200'000, kNow), Coding::kIdentity);
}

TEST(RequestCodingTest, ARefusalIsBelievedForAnHour) {
  RequestCoding coding(Compress::kAlways);
  coding.refused(kNow);
  EXPECT_EQ(coding.choose(100'000, kNow + RequestCoding::kRefusedFor - 1ms), Coding::kIdentity);
  EXPECT_EQ(coding.choose(100'000, kNow + RequestCoding::kRefusedFor), Coding::kGzip);
}

TEST(RequestCodingTest, WhatIsARefusal) {
  EXPECT_TRUE(refuses_coding(415, ""));
  EXPECT_TRUE(refuses_coding(400, R"({"error":{"message":"Content-Encoding: gzip is not supported"}})"));
  EXPECT_TRUE(refuses_coding(400, "unsupported content encoding"));
  EXPECT_FALSE(refuses_coding(400, R"({"error":{"message":"max_tokens: field required"}})"));
  EXPECT_FALSE(refuses_coding(413, "gzip"));
  EXPECT_FALSE(refuses_coding(200, "gzip"));
}

}  // namespace
}  // namespace baton::upstream
