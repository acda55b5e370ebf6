#include "auth/nonce_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace baton::auth {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const WallTime kNow{1'790'000'000'000ms};

NonceMark mark(uint8_t number, uint8_t more = 0) {
  NonceMark out{};
  out[0] = number;
  out[1] = more;
  return out;
}

class NonceFileTest : public ::testing::Test {
 protected:
  NonceFileTest() {
    std::string pattern = ::testing::TempDir() + "nonces-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
  }
  ~NonceFileTest() override { fs::remove_all(top_); }

  NonceFile open(WallTime now = kNow - 1h, std::string boot = "boot-1", size_t max = kNoncesMax) {
    return NonceFile({.folder = top_ + "/data/nonces", .nonces_max = max, .boot_id = std::move(boot)}, now);
  }
  std::string top_;
};

ErrorCode code_of(const Expected<void>& result) { return result ? ErrorCode::kInternal : result.error().code; }

TEST_F(NonceFileTest, ANonceCountsOnce) {
  NonceFile nonces = open();
  EXPECT_TRUE(nonces.take(mark(1), kNow, kNow));
  EXPECT_TRUE(nonces.take(mark(2), kNow, kNow));
  const auto again = nonces.take(mark(1), kNow, kNow + 10s);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kUnauthenticated);
  EXPECT_NE(again.error().detail.find("has come before"), std::string::npos);
  EXPECT_FALSE(nonces.take(mark(1), kNow + 200s, kNow + 10s)) << "under another time too";
  EXPECT_EQ(nonces.size(), 2u);
}

TEST_F(NonceFileTest, AlsoOverARestart) {
  {
    NonceFile nonces = open();
    ASSERT_TRUE(nonces.take(mark(1), kNow, kNow));
    ASSERT_TRUE(nonces.take(mark(2), kNow - 290s, kNow));
    ASSERT_TRUE(nonces.take(mark(3), kNow + 290s, kNow));
  }
  NonceFile again = open(kNow + 5s);
  EXPECT_EQ(again.size(), 3u);
  EXPECT_FALSE(again.take(mark(1), kNow, kNow + 5s));
  EXPECT_FALSE(again.take(mark(2), kNow - 290s, kNow + 5s));
  EXPECT_FALSE(again.take(mark(3), kNow + 290s, kNow + 5s));
  EXPECT_TRUE(again.take(mark(4), kNow, kNow + 5s)) << "signed before the restart, new all the same";
}

TEST_F(NonceFileTest, AndOverTwoProcessesAtATime) {
  NonceFile one = open();
  ASSERT_TRUE(one.take(mark(9), kNow, kNow));
  NonceFile other = open(kNow);
  for (uint8_t i = 0; i < 100; ++i) {
    NonceFile& first = i % 3 == 0 ? one : other;
    NonceFile& second = i % 3 == 0 ? other : one;
    EXPECT_TRUE(first.take(mark(100, i), kNow, kNow));
    EXPECT_EQ(code_of(second.take(mark(100, i), kNow, kNow)), ErrorCode::kUnauthenticated) << int{i};
  }
}

TEST_F(NonceFileTest, NoncesAreForgottenWithTheirFilesWhenTheirTimeIsOver) {
  NonceFile nonces = open();
  ASSERT_TRUE(nonces.take(mark(1), kNow, kNow));
  const auto files = [&] {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(top_ + "/data/nonces"))
      count += std::isdigit(entry.path().filename().string()[0]) != 0;
    return count;
  };
  EXPECT_EQ(files(), 1u);
  EXPECT_FALSE(nonces.take(mark(1), kNow, kNow + kSignatureWindow)) << "still inside its window";
  ASSERT_TRUE(nonces.take(mark(2), kNow + 361s, kNow + 361s));
  EXPECT_EQ(nonces.size(), 1u);
  EXPECT_EQ(files(), 1u);
  // The clock is set back to where the first would be in its window again.
  EXPECT_EQ(code_of(nonces.take(mark(1), kNow, kNow + 1s)), ErrorCode::kUnauthenticated);
}

TEST_F(NonceFileTest, WhatALostHostMayHaveSeenIsRefused) {
  {
    NonceFile nonces = open();
    ASSERT_TRUE(nonces.take(mark(1), kNow, kNow));
  }
  for (const std::string boot : {"boot-2", ""}) {
    NonceFile after = open(kNow + 60s, boot);
    const auto old = after.take(mark(2), kNow + 59s, kNow + 61s);
    EXPECT_EQ(code_of(old), ErrorCode::kUnauthenticated) << boot;
    EXPECT_TRUE(after.take(mark(3, boot.empty()), kNow + 60s, kNow + 61s)) << boot;
  }
  // Somebody has removed the folder.
  fs::remove_all(top_ + "/data/nonces");
  NonceFile emptied = open(kNow + 100s);
  EXPECT_EQ(code_of(emptied.take(mark(1), kNow, kNow + 101s)), ErrorCode::kUnauthenticated);
}

TEST_F(NonceFileTest, AfterALostHostNoTimeIsTakenThatMayHaveBeenTakenBefore) {
  {
    NonceFile nonces = open();
    ASSERT_TRUE(nonces.take(mark(1), kNow + 200s, kNow)) << "of a client whose clock is ahead";
    ASSERT_TRUE(nonces.take(mark(2), kNow + 205s, kNow)) << "within the horizon that was written";
    ASSERT_TRUE(nonces.take(mark(3), kNow + 1s, kNow));
  }
  std::vector<fs::path> lost;
  for (const auto& entry : fs::directory_iterator(top_ + "/data/nonces"))
    if (std::isdigit(entry.path().filename().string()[0]) != 0) lost.push_back(entry.path());  // never synced
  for (const fs::path& path : lost) fs::remove(path);
  NonceFile after = open(kNow + 60s, "boot-2");
  EXPECT_EQ(code_of(after.take(mark(1), kNow + 200s, kNow + 150s)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of(after.take(mark(2), kNow + 205s, kNow + 150s)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of(after.take(mark(3), kNow + 1s, kNow + 61s)), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(after.take(mark(4), kNow + 215s, kNow + 215s));
}

TEST_F(NonceFileTest, TheSecondOfTheStartIsTaken) {
  NonceFile nonces = open(kNow + 700ms);
  EXPECT_EQ(code_of(nonces.take(mark(1), kNow - 1s, kNow + 800ms)), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(nonces.take(mark(1), kNow, kNow + 800ms));
}

TEST_F(NonceFileTest, WhatIsFullLetsNobodyThrough) {
  NonceFile nonces = open(kNow - 1h, "boot-1", 2);
  ASSERT_TRUE(nonces.take(mark(1), kNow, kNow));
  ASSERT_TRUE(nonces.take(mark(2), kNow, kNow));
  EXPECT_EQ(code_of(nonces.take(mark(3), kNow, kNow)), ErrorCode::kOverloaded);
  EXPECT_EQ(code_of(nonces.take(mark(1), kNow, kNow)), ErrorCode::kUnauthenticated) << "a replay is told as one";
  EXPECT_TRUE(nonces.take(mark(3), kNow + 400s, kNow + 400s)) << "when the oldest are forgotten there is room";
}

TEST_F(NonceFileTest, WhatCannotBeKeptIsNotLetThrough) {
  std::ofstream(top_ + "/data") << "a file where the folder should be";
  NonceFile nonces = open();
  EXPECT_EQ(code_of(nonces.take(mark(1), kNow, kNow)), ErrorCode::kStore);
  fs::remove(top_ + "/data");
  EXPECT_TRUE(nonces.take(mark(1), kNow, kNow)) << "well again";
}

TEST_F(NonceFileTest, ATornEndOfAFileIsOverlooked) {
  {
    NonceFile nonces = open();
    ASSERT_TRUE(nonces.take(mark(1), kNow, kNow));
  }
  for (const auto& entry : fs::directory_iterator(top_ + "/data/nonces")) {
    if (std::isdigit(entry.path().filename().string()[0]) != 0) std::ofstream(entry.path(), std::ios::app) << "torn";
  }
  NonceFile again = open(kNow);
  EXPECT_EQ(again.size(), 1u);
  EXPECT_FALSE(again.take(mark(1), kNow, kNow));
  EXPECT_TRUE(again.take(mark(2), kNow, kNow));
  EXPECT_FALSE(again.take(mark(2), kNow, kNow));
}

}  // namespace
}  // namespace baton::auth
