#include "ledger/call_list.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/rows_file.h"

namespace baton::ledger {
namespace {

class CallListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "baton-calls-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  // One call with two attempts; the second is charged.
  void book(int number, std::string client, int status, WallTime started) {
    model::Outcome outcome;
    outcome.request_id = "req_" + std::to_string(number);
    outcome.upstream_request_id = "req_011vendor" + std::to_string(number);
    outcome.client = std::move(client);
    outcome.model = "claude-opus-5-5";
    outcome.operation = model::Operation::kMessages;
    outcome.status = status;
    outcome.started = started;
    outcome.duration = std::chrono::milliseconds(1500);
    outcome.attempts.resize(2);
    outcome.attempts[0].account = "a";
    outcome.attempts[0].result = model::AttemptResult::kRateLimited;
    outcome.attempts[0].status = 429;
    outcome.attempts[1].account = "b";
    outcome.attempts[1].status = 200;
    outcome.attempts[1].usage = {.known = true, .input_tokens = 1000, .output_tokens = 100};
    std::vector<model::Outcome> batch;
    batch.push_back(std::move(outcome));
    const std::vector<std::vector<model::Outcome>> batches{std::move(batch)};
    auto file = RowsFile::open(folder_ + "/ledger.db");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->save(batches, prices_, WallTime{}));
  }

  PriceTable prices_;
  std::string folder_;
  const WallTime noon_{std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + std::chrono::hours(12)};
};

TEST_F(CallListTest, NothingBookedIsAnEmptyPage) {
  EXPECT_EQ(has_rows(folder_), false);
  auto page = list_calls(folder_, {});
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->calls.empty());
  EXPECT_FALSE(page->next_before);
  EXPECT_EQ(find_call(folder_, "req_1").error().code, ErrorCode::kNotFound);
  SpentToday spent;
  EXPECT_EQ(*spent.read(folder_, noon_), std::nullopt);
}

TEST_F(CallListTest, TheLatestComeFirstAndPagesFollowOneAnother) {
  for (int i = 1; i <= 7; ++i) book(i, i % 2 == 0 ? "even" : "odd", i == 3 ? 529 : 200, noon_);
  std::string seen;
  CallFilter filter{.limit = 3};
  while (true) {
    auto page = list_calls(folder_, filter);
    ASSERT_TRUE(page) << page.error().detail;
    for (const BookedCall& call : page->calls) seen += call.id.substr(4) + " ";
    seen += "| ";
    if (!page->next_before) break;
    filter.before = page->next_before;
  }
  EXPECT_EQ(seen, "7 6 5 | 4 3 2 | 1 | ");
  const auto even = list_calls(folder_, {.key = "even"});
  ASSERT_EQ(even->calls.size(), 3u);
  EXPECT_EQ(even->calls[0].key, "even");
  const auto failed = list_calls(folder_, {.status = 529});
  ASSERT_EQ(failed->calls.size(), 1u);
  EXPECT_EQ(failed->calls[0].id, "req_3");
  EXPECT_EQ(failed->calls[0].attempts, 2);
  EXPECT_EQ(failed->calls[0].duration, std::chrono::milliseconds(1500));
  EXPECT_EQ(list_calls(folder_, {.key = "' OR 1=1--"})->calls.size(), 0u);
}

TEST_F(CallListTest, ACallTellsItsAttempts) {
  book(1, "laptop", 200, noon_);
  const auto story = find_call(folder_, "req_1");
  ASSERT_TRUE(story) << story.error().detail;
  EXPECT_EQ(story->call.key, "laptop");
  EXPECT_EQ(story->call.input_tokens, 1000);
  ASSERT_EQ(story->attempts.size(), 2u);
  EXPECT_EQ(story->attempts[0].account, "a");
  EXPECT_EQ(story->attempts[0].result, "rate_limited");
  EXPECT_EQ(story->attempts[0].cost, 0);
  EXPECT_EQ(story->attempts[1].account, "b");
  EXPECT_EQ(story->attempts[1].cost, story->call.cost);
  book(2, "laptop", 200, noon_);
  const auto same = find_call(folder_, "req_011vendor1");
  ASSERT_TRUE(same) << "by the vendor's id";
  EXPECT_EQ(same->call.id, "req_1");
  EXPECT_FALSE(find_call(folder_, "req_011vendor"));
  EXPECT_FALSE(find_call(folder_, ""));
}

TEST_F(CallListTest, TodayIsWhatBeganSinceMidnightEachCallOnce) {
  SpentToday spent;
  book(1, "laptop", 200, noon_ - std::chrono::hours(13));
  EXPECT_EQ((**spent.read(folder_, noon_)).spent, 0);
  book(2, "laptop", 200, noon_);
  const int64_t one = (**spent.read(folder_, noon_)).spent;
  const auto price = find_call(folder_, "req_2")->call.cost;
  ASSERT_TRUE(price);
  ASSERT_GT(*price, 0);
  EXPECT_EQ(one, *price);
  EXPECT_EQ((**spent.read(folder_, noon_)).spent, one) << "nothing is counted twice";
  for (int i = 3; i < 20; ++i) book(i, "laptop", 200, noon_);
  EXPECT_EQ((**spent.read(folder_, noon_)).spent, 18 * one);
  SpentToday fresh;
  EXPECT_EQ(**fresh.read(folder_, noon_), **spent.read(folder_, noon_)) << "a restart counts the same";
  EXPECT_EQ(**spent.read(folder_, noon_ + std::chrono::hours(24)), MoneyToday{}) << "a new day begins at nothing";
}

}  // namespace
}  // namespace baton::ledger
