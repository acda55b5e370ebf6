#include "ledger/book.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "ledger/call_list.h"
#include "ledger/holders.h"
#include "ledger/rows_file.h"
#include "ledger/usage_report.h"

namespace baton::ledger {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class BookTest : public ::testing::Test {
 protected:
  BookTest() {
    std::string pattern = ::testing::TempDir() + "book_test_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern + "/data";
  }
  ~BookTest() override { fs::remove_all(fs::path(folder_).parent_path()); }

  std::unique_ptr<Book> open() {
    return std::make_unique<Book>(config_, folder_, std::make_shared<const PriceTable>(), clock_, log_);
  }
  static model::Outcome outcome(std::string client, int64_t input = 0) {
    model::Outcome o;
    o.client = std::move(client);
    o.request_id = "brq_1";
    o.operation = model::Operation::kMessages;
    o.method = "POST";
    o.model = "claude-opus-5-5";
    o.status = 200;
    o.started = WallTime(1'790'000'000'000ms);
    o.attempts.push_back({.account = "a", .status = 200, .usage = {.known = true, .input_tokens = input}});
    return o;
  }
  static void hand(Book& book, model::Outcome o) {
    std::vector<model::Outcome> one;
    one.push_back(std::move(o));
    book.hand_over(one);
    EXPECT_TRUE(one.empty());
  }
  std::vector<Group> by(GroupBy what, const Period& period = {}) {
    auto groups = usage_by(folder_, what, period);
    EXPECT_TRUE(groups) << groups.error().detail;
    return groups ? *groups : std::vector<Group>{};
  }
  std::string file() const { return folder_ + "/ledger.db"; }

  std::string folder_;
  Config config_;
  runtime::VirtualClock clock_;
  metrics::Log log_{clock_, -1};
};

TEST_F(BookTest, EveryRowHandedOverIsWritten) {
  {
    auto book = open();
    for (int i = 0; i < 1000; ++i) hand(*book, outcome(i % 2 == 0 ? "even" : "odd", 1'000));
    EXPECT_TRUE(book->settle(30s));
    EXPECT_EQ(book->written(), 1000u);
    EXPECT_EQ(book->waiting(), 0u);
    EXPECT_EQ(book->trouble(), "");
    hand(*book, outcome("late", 1'000));
  }
  const auto groups = by(GroupBy::kKey);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].calls, 500);
  EXPECT_EQ(groups[0].input_tokens, 500'000);
  EXPECT_EQ(groups[0].cost_nanodollars, 2'000'000'000);
  EXPECT_EQ(groups[2].name, "late");
  EXPECT_EQ(fs::status(file()).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(BookTest, WhenAKeyWasLastUsedIsWrittenWithItsRows) {
  const auto use = [](std::string id, WallTime when) {
    model::Outcome one = outcome(id);
    one.key_id = std::move(id);
    one.started = when;
    one.attempts.clear();  // costs nothing, and counts all the same
    return one;
  };
  const WallTime noon(1'790'000'000'000ms);
  {
    auto book = open();
    hand(*book, use("key_a", noon));
    hand(*book, use("key_a", noon + 5s));
    hand(*book, use("key_a", noon + 2s));
    hand(*book, use("key_b", noon));
    hand(*book, outcome("of the configuration"));
    EXPECT_TRUE(book->settle(30s));
    hand(*book, use("key_b", noon - 1h));  // began long before, ended now
    EXPECT_TRUE(book->settle(30s));
  }
  const auto holders = read_holders(folder_, noon);
  ASSERT_TRUE(holders) << holders.error().detail;
  EXPECT_EQ(holders->last_used, (std::unordered_map<std::string, WallTime>{{"key_a", noon + 5s}, {"key_b", noon}}));
  EXPECT_TRUE(read_holders(folder_ + "/nowhere", noon)->last_used.empty());
}

TEST_F(BookTest, WhatCannotBeWrittenWaitsAndThenRefusesNewCalls) {
  config_.queue_rows_max = 3;
  fs::create_directories(folder_);
  fs::create_directories(file());  // a folder where the file should be
  auto book = open();
  for (int i = 0; i < 2; ++i) hand(*book, outcome("c", 1));
  EXPECT_TRUE(book->has_room());
  hand(*book, outcome("c", 1));
  EXPECT_FALSE(book->has_room());
  hand(*book, outcome("c", 1));  // was let in before
  EXPECT_FALSE(book->settle(100ms));
  EXPECT_NE(book->trouble(), "");
  EXPECT_EQ(book->waiting(), 4u);
  fs::remove(file());
  EXPECT_TRUE(book->settle(30s));
  EXPECT_TRUE(book->has_room());
  EXPECT_EQ(book->trouble(), "");
  EXPECT_EQ(by(GroupBy::kKey)[0].calls, 4);
}

TEST_F(BookTest, ACorruptFileIsMovedAside) {
  fs::create_directories(folder_);
  std::ofstream(file()) << std::string(8192, 'x');
  {
    auto book = open();
    hand(*book, outcome("c", 1));
    EXPECT_TRUE(book->settle(30s));
  }
  EXPECT_EQ(by(GroupBy::kKey)[0].calls, 1);
  const auto aside = [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with("ledger.db.corrupt-");
  };
  EXPECT_EQ(std::ranges::count_if(fs::directory_iterator(folder_), aside), 1);
}

TEST_F(BookTest, OldRowsAreForgottenFromTheFront) {
  config_.keep = 1h;
  const WallTime now = clock_.wall();
  {
    auto book = open();
    for (int i = 0; i < 10; ++i) {
      auto old = outcome("old");
      old.started = now - 2h;
      hand(*book, std::move(old));
      EXPECT_TRUE(book->settle(30s));
    }
    auto recent = outcome("recent");
    recent.started = now;
    hand(*book, std::move(recent));
  }
  const auto groups = by(GroupBy::kKey);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].name, "recent");
  ASSERT_EQ(by(GroupBy::kAccount).size(), 1u);
  EXPECT_EQ(by(GroupBy::kAccount)[0].calls, 1);
}

TEST_F(BookTest, RowsAreGroupedByWhatTheOperatorAsks) {
  {
    auto book = open();
    auto a = outcome("ann", 1'000'000);
    a.team = "web";
    a.tags = "ci,env=prod";
    a.attempts.insert(a.attempts.begin(), {.account = "b", .result = model::AttemptResult::kOverloaded, .status = 529});
    hand(*book, a);
    auto b = outcome("bob", 500'000);
    b.team = "web";
    b.tags = "ci";
    b.started += std::chrono::days(1);
    hand(*book, b);
    auto c = outcome("bob");
    c.model = "claude-nova-1";
    c.attempts[0].usage.input_tokens = 7;
    c.simulated = true;
    hand(*book, c);
    auto lost = outcome("bob");
    lost.attempts[0] = {.account = "a", .result = model::AttemptResult::kReset, .may_have_been_processed = true};
    lost.status = 502;
    hand(*book, lost);
    auto counted = outcome("bob");
    counted.operation = model::Operation::kCountTokens;
    counted.attempts[0].usage = {};
    hand(*book, counted);
  }
  struct {
    const char* name;
    GroupBy by;
    std::vector<std::string> groups;
    std::vector<int64_t> calls;
    std::vector<int64_t> cost;
    std::vector<int64_t> unpriced;
  } const rows[] = {
      {"key", GroupBy::kKey, {"ann", "bob"}, {1, 4}, {4'000'000'000, 2'000'000'000}, {0, 2}},
      {"team", GroupBy::kTeam, {"web", ""}, {2, 3}, {6'000'000'000, 0}, {0, 2}},
      {"model", GroupBy::kModel, {"claude-opus-5-5", "claude-nova-1"}, {4, 1}, {6'000'000'000, 0}, {1, 1}},
      {"account", GroupBy::kAccount, {"a", "b"}, {5, 1}, {6'000'000'000, 0}, {2, 0}},
      {"tag", GroupBy::kTag, {"ci", "env=prod", ""}, {2, 1, 3}, {6'000'000'000, 4'000'000'000, 0}, {0, 0, 2}},
      {"day", GroupBy::kDay, {"2026-09-21", "2026-09-22"}, {4, 1}, {4'000'000'000, 2'000'000'000}, {2, 0}},
  };
  for (const auto& row : rows) {
    const auto groups = by(row.by);
    ASSERT_EQ(groups.size(), row.groups.size()) << row.name;
    for (size_t i = 0; i < groups.size(); ++i) {
      EXPECT_EQ(groups[i].name, row.groups[i]) << row.name;
      EXPECT_EQ(groups[i].calls, row.calls[i]) << row.name << ' ' << groups[i].name;
      EXPECT_EQ(groups[i].cost_nanodollars, row.cost[i]) << row.name << ' ' << groups[i].name;
      EXPECT_EQ(groups[i].unpriced, row.unpriced[i]) << row.name << ' ' << groups[i].name;
    }
  }
  const Period second_day{.since = WallTime(1'790'000'000'000ms) + 1h, .until = {}};
  ASSERT_EQ(by(GroupBy::kKey, second_day).size(), 1u);
  EXPECT_EQ(by(GroupBy::kKey, second_day)[0].calls, 1);
  const std::string table = usage_table(by(GroupBy::kKey), GroupBy::kKey);
  EXPECT_NE(table.find("ann "), std::string::npos) << table;
  EXPECT_NE(table.find("$4.00"), std::string::npos) << table;
  EXPECT_NE(table.find("total "), std::string::npos) << table;
  const std::string json = usage_json(by(GroupBy::kTeam), GroupBy::kTeam);
  EXPECT_TRUE(json.starts_with("{\"by\":\"team\",\"groups\":[{\"team\":\"web\",\"calls\":2,")) << json;
}

TEST_F(BookTest, WhatWasReservedAndHowItWasSavedHaveColumns) {
  const auto reused = [](model::CacheUse how, int64_t input) {
    model::Outcome one = outcome("ann");
    one.attempts.clear();
    one.cache = how;
    one.reused = true;
    one.usage = {.known = true, .input_tokens = input};
    return one;
  };
  {
    auto book = open();
    hand(*book, reused(model::CacheUse::kHit, 1'000));
    hand(*book, reused(model::CacheUse::kStale, 2'000));
    hand(*book, reused(model::CacheUse::kCoalesced, 4'000));
    hand(*book, reused(model::CacheUse::kSimilar, 8'000));
    auto came_back = reused(model::CacheUse::kNone, 16'000);
    came_back.operation = model::Operation::kStreamResume;
    hand(*book, came_back);
    auto cached = outcome("bob");
    cached.attempts[0].usage = {.known = true, .cache_read_input_tokens = 1'000};
    cached.attempts.insert(cached.attempts.begin(), {.account = "b", .status = 529});
    cached.reserved_nanodollars = 5'000'000;
    hand(*book, cached);
    auto batch = outcome("bob");
    batch.attempts[0].usage = {.known = true, .output_tokens = 1'000, .tier = model::ServiceTier::kBatch};
    hand(*book, batch);
    auto lost = outcome("bob");
    lost.attempts[0] = {.account = "a", .result = model::AttemptResult::kReset, .may_have_been_processed = true};
    lost.reserved_nanodollars = lost.charged_nanodollars = 7'000'000;
    hand(*book, lost);
  }
  const auto keys = by(GroupBy::kKey);
  ASSERT_EQ(keys.size(), 2u);
  const Group& bob = keys[0];
  EXPECT_EQ(bob.cost_nanodollars, 200'000 + 10'000'000);
  EXPECT_EQ(bob.reserved_nanodollars, 12'000'000);
  EXPECT_EQ(bob.given_back_nanodollars, 4'800'000);
  EXPECT_EQ(bob.held_nanodollars, 7'000'000);
  EXPECT_EQ(bob.saved_by_prompt_cache_nanodollars, 3'800'000);
  EXPECT_EQ(bob.saved_by_batch_nanodollars, 10'000'000);
  EXPECT_EQ(bob.saved_by_reuse_nanodollars, 0);
  const Group& ann = keys[1];
  EXPECT_EQ(ann.saved_by_reuse_nanodollars, 4'000 * 19'000);
  EXPECT_EQ(ann.saved_by_coalescing_nanodollars, 4'000 * 4'000);
  EXPECT_EQ(ann.saved_by_similar_nanodollars, 4'000 * 8'000);
  EXPECT_EQ(ann.reserved_nanodollars, 0);
  // What a call reserved and saved is the last attempt's account's, and counted once.
  for (const Group& account : by(GroupBy::kAccount)) {
    EXPECT_EQ(account.reserved_nanodollars, account.name == "a" ? 12'000'000 : 0) << account.name;
    EXPECT_EQ(account.given_back_nanodollars, account.name == "a" ? 4'800'000 : 0) << account.name;
    EXPECT_EQ(account.saved_by_prompt_cache_nanodollars, account.name == "a" ? 3'800'000 : 0) << account.name;
    EXPECT_EQ(account.saved_by_batch_nanodollars, account.name == "a" ? 10'000'000 : 0) << account.name;
  }
  const std::string table = usage_table(keys, GroupBy::kKey);
  for (const char* title :
       {"HELD", "RESERVED", "GIVEN BACK", "REUSE", "COALESCED", "SIMILAR", "PROMPT CACHE", "BATCHES"})
    EXPECT_NE(table.find(title), std::string::npos) << title << '\n' << table;
  EXPECT_EQ(usage_table({bob}, GroupBy::kKey).find("SIMILAR"), std::string::npos);
  const auto today = SpentToday().read(folder_, WallTime(1'790'000'000'000ms));
  ASSERT_TRUE(today && *today) << today.error().detail;
  EXPECT_EQ((**today).spent, 10'200'000);
  EXPECT_EQ((**today).saved_by_reuse, ann.saved_by_reuse_nanodollars);
  EXPECT_EQ((**today).saved_by_coalescing, ann.saved_by_coalescing_nanodollars);
  EXPECT_EQ((**today).saved_by_similar, ann.saved_by_similar_nanodollars);
  EXPECT_EQ((**today).saved_by_prompt_cache, bob.saved_by_prompt_cache_nanodollars);
  EXPECT_EQ((**today).saved_by_batch, bob.saved_by_batch_nanodollars);
}

TEST_F(BookTest, AnExportIsSafeForSpreadsheetsAndPrograms) {
  {
    auto book = open();
    auto o = outcome("=cmd(),\"x\"", 3);
    o.error = "reset";
    hand(*book, o);
    auto unpriced = outcome("c", 3);
    unpriced.model = "claude-nova-1";
    hand(*book, unpriced);
  }
  std::vector<std::string> csv, json;
  const auto into = [](std::vector<std::string>& lines) {
    return [&lines](const std::string& line) {
      lines.push_back(line);
      return true;
    };
  };
  ASSERT_TRUE(export_rows(folder_, ExportFormat::kCsv, {}, into(csv)));
  ASSERT_TRUE(export_rows(folder_, ExportFormat::kJsonLines, {}, into(json)));
  ASSERT_EQ(csv.size(), 3u);
  EXPECT_TRUE(csv[0].starts_with("request_id,started_at,")) << csv[0];
  EXPECT_NE(csv[1].find(",\"'=cmd(),\"\"x\"\"\","), std::string::npos) << csv[1];
  EXPECT_TRUE(
      csv[0].ends_with(",reserved_nanodollars,reused,saved_by_reuse_nanodollars,saved_by_coalescing_nanodollars,"
                       "saved_by_similar_nanodollars,saved_by_prompt_cache_nanodollars,"
                       "saved_by_batch_nanodollars\n"))
      << csv[0];
  EXPECT_TRUE(csv[1].ends_with(",12000,,,,0,0,0,0,0\n")) << csv[1];
  EXPECT_TRUE(csv[2].ends_with(",0,0,,,,,0,0,0,0,0\n")) << csv[2];
  ASSERT_EQ(json.size(), 2u);
  EXPECT_NE(json[0].find("\"started_at\":\"2026-09-21T14:13:20.000Z\""), std::string::npos) << json[0];
  EXPECT_NE(json[1].find("\"cost_nanodollars\":null"), std::string::npos) << json[1];
}

TEST_F(BookTest, WithoutAFileTheReportSaysSo) {
  const auto groups = usage_by(folder_, GroupBy::kKey, {});
  ASSERT_FALSE(groups);
  EXPECT_NE(groups.error().detail.find("no call has been booked"), std::string::npos);
  EXPECT_FALSE(fs::exists(file()));
}

}  // namespace
}  // namespace baton::ledger
