#include "auth/nonce_database.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "net/epoll_poller.h"
#include "runtime/clock.h"

namespace baton::auth {
namespace {

using namespace std::chrono_literals;

class NonceDatabaseTest : public testing::Test {
 protected:
  NonceDatabaseTest() {
    std::string pattern = testing::TempDir() + "nonce-database-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~NonceDatabaseTest() override { std::filesystem::remove_all(folder_); }

  static runtime::Task<void> claim(NonceDatabase& nonces, runtime::Loop& loop, NonceMark mark, WallTime now,
                                   std::vector<Expected<void>>& into) {
    auto claimed = co_await nonces.claim(loop, mark, now, now);
    into.push_back(std::move(claimed));
  }

  std::string folder_;
  runtime::SystemClock clock_;
  net::EpollPoller poller_{clock_};
  runtime::Loop loop_{clock_, poller_};
};

// With a server: tests/system/postgres_test.py.
TEST_F(NonceDatabaseTest, WithoutItsServerNothingIsLetThrough) {
  const WallTime now = clock_.wall();
  NonceFile here({.folder = folder_ + "/nonces", .boot_id = "b"}, now - 1min);
  NonceDatabase nonces(Secret("postgresql://baton:canary@127.0.0.1:1/baton"), here);
  EXPECT_EQ(nonces.trouble(), "");
  std::vector<Expected<void>> answers;
  {
    runtime::TaskGroup group;
    for (uint8_t i = 0; i < 3; ++i) group.spawn(claim(nonces, loop_, NonceMark{i}, now, answers));
    loop_.run_until([&] { return answers.size() == 3; });
  }
  for (const auto& answer : answers) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kStore);
    EXPECT_EQ(answer.error().detail.find("canary"), std::string::npos);
  }
  // Said to the operator, without the password, and left alone for a while: a claim in that time is refused as well.
  runtime::TaskGroup group;
  group.spawn(claim(nonces, loop_, NonceMark{9}, now, answers));
  loop_.run_until([&] { return answers.size() == 4; });
  ASSERT_FALSE(answers[3]);
  EXPECT_EQ(answers[3].error().code, ErrorCode::kStore);
  EXPECT_NE(nonces.trouble().find("PostgreSQL"), std::string::npos) << nonces.trouble();
  EXPECT_EQ(nonces.trouble().find("canary"), std::string::npos);
}

TEST_F(NonceDatabaseTest, WhatThisHostHasSeenIsNotAskedAbout) {
  const WallTime now = clock_.wall();
  NonceFile here({.folder = folder_ + "/nonces", .boot_id = "b"}, now - 1min);
  ASSERT_TRUE(here.take(NonceMark{1}, now, now));
  NonceDatabase nonces(Secret("postgresql://baton:canary@127.0.0.1:1/baton"), here);
  std::vector<Expected<void>> answers;
  runtime::TaskGroup group;
  group.spawn(claim(nonces, loop_, NonceMark{1}, now, answers));
  ASSERT_EQ(answers.size(), 1u);  // at once
  ASSERT_FALSE(answers[0]);
  EXPECT_EQ(answers[0].error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(nonces.trouble(), "");
}

TEST_F(NonceDatabaseTest, BeyondItsBoundRequestsAreRefused) {
  const WallTime now = clock_.wall();
  NonceFile here({.folder = folder_ + "/nonces", .boot_id = "b"}, now - 1min);
  NonceDatabase nonces(Secret("postgresql://baton:canary@127.0.0.1:1/baton"), here, 0);
  std::vector<Expected<void>> answers;
  runtime::TaskGroup group;
  group.spawn(claim(nonces, loop_, NonceMark{1}, now, answers));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(nonces.waiting_counter().load(), 0u);
}

}  // namespace
}  // namespace baton::auth
