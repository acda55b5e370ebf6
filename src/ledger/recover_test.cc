#include "ledger/recover.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "ledger/book.h"
#include "ledger/holders.h"
#include "ledger/journal_record.h"
#include "ledger/ledger.h"
#include "ledger/row.h"
#include "ledger/rows_file.h"

namespace baton::ledger {
namespace {

using namespace std::chrono_literals;

model::Outcome full() {
  model::Outcome o;
  o.request_id = "brq_1";
  o.upstream_request_id = "req_1";
  o.client = "ci";
  o.client_address = "203.0.113.9";
  o.key_id = "key_1";
  o.team = "web";
  o.tags = "env=ci";
  o.session_id = "s";
  o.agent_id = "a";
  o.parent_agent_id = "p";
  o.operation = model::Operation::kMessages;
  o.method = "POST";
  o.model = "claude-sonnet-5-5";
  o.stream = true;
  o.status = 200;
  o.error = "stream_error";
  o.ending = model::Ending::kUpstreamCut;
  o.request_body_bytes = 1'234'567;
  o.reply_body_bytes = 300;
  o.charged_nanodollars = 12'345'678'901;
  o.started = WallTime(1'790'000'000'123ms);
  o.duration = 1'234'567'890ns;
  o.first_byte = 200ms;
  o.added = 77us;
  o.attempts.push_back({.account = "a", .result = model::AttemptResult::kReset, .may_have_been_processed = true});
  o.attempts.push_back({.account = "b",
                        .model = "claude-sonnet-5-5",
                        .status = 200,
                        .first_byte = 5ms,
                        .total = 1s,
                        .usage = {.known = true,
                                  .input_tokens = 10,
                                  .output_tokens = 200,
                                  .cache_creation_input_tokens = 3000,
                                  .cache_read_input_tokens = 40'000,
                                  .cache_creation_5m_input_tokens = 1000,
                                  .cache_creation_1h_input_tokens = 2000,
                                  .thinking_tokens = 7,
                                  .web_search_requests = 2,
                                  .web_fetch_requests = 1,
                                  .tier = model::ServiceTier::kPriority,
                                  .fast = true},
                        .usage_partial = true});
  return o;
}

TEST(JournalRecord, AnOutcomeComesBackAsItWas) {
  const model::Outcome before = full();
  std::string bytes;
  append_record(bytes, before);
  EXPECT_LT(bytes.size(), 400u);
  const auto after = read_record(bytes);
  ASSERT_TRUE(after);
  std::string again;
  append_record(again, *after);
  EXPECT_EQ(again, bytes);
  EXPECT_EQ(after->request_id, before.request_id);
  EXPECT_EQ(after->charged_nanodollars, before.charged_nanodollars);
  EXPECT_EQ(after->started, before.started);
  EXPECT_EQ(after->ending, before.ending);
  ASSERT_EQ(after->attempts.size(), 2u);
  EXPECT_EQ(after->attempts[1].usage, before.attempts[1].usage);
  EXPECT_TRUE(after->attempts[0].may_have_been_processed);
  const PriceTable prices;
  EXPECT_EQ(make_row(*after, prices).attempt_costs, make_row(before, prices).attempt_costs);
}

TEST(JournalRecord, WhatWasReservedAndSavedComesBackToo) {
  model::Outcome before = full();
  before.attempts.clear();
  before.cache = model::CacheUse::kCoalesced;
  before.reused = true;
  before.usage = {.known = true, .input_tokens = 3, .output_tokens = 900};
  before.reserved_nanodollars = 77;
  std::string bytes;
  append_record(bytes, before);
  const auto after = read_record(bytes);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->reserved_nanodollars, 77);
  EXPECT_EQ(reused_as(*after), "coalesced");
  EXPECT_EQ(saved_by_reuse(*after, PriceTable()), saved_by_reuse(before, PriceTable()));
}

TEST(JournalRecord, WhatIsNoRecordGivesNothing) {
  std::string bytes;
  append_record(bytes, full());
  // Where the records of an older program end, who knew neither reserves nor answers made for others.
  const size_t older = bytes.size() - 3;
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_EQ(read_record(bytes.substr(0, cut)).has_value(), cut == older) << cut;
  EXPECT_FALSE(read_record(bytes + "x"));
  EXPECT_FALSE(read_record(std::string(40, '\xff')));
}

// A loop's ledger with a book and a journal in a folder of its own.
class RecoverTest : public testing::Test {
 protected:
  class NoPoller final : public runtime::Poller {
   public:
    void poll(Instant) override {}
    void interrupt() override {}
  };
  RecoverTest() {
    std::string pattern = testing::TempDir() + "recover_test_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~RecoverTest() override { std::filesystem::remove_all(folder_); }

  model::Outcome call(const std::string& id, bool ended = true) {
    model::Outcome o = full();
    o.request_id = id;
    o.charged_nanodollars.reset();
    o.attempts.erase(o.attempts.begin());
    o.attempts[0].usage.fast = false;
    if (!ended) o.attempts.clear();
    return o;
  }
  std::vector<std::string> rows(std::string_view column) {
    std::vector<std::string> out;
    auto file = RowsFile::open(folder_ + "/ledger.db");
    EXPECT_TRUE(file);
    auto query = file->database().prepare("SELECT " + std::string(column) + " FROM calls ORDER BY request_id");
    EXPECT_TRUE(query);
    while (*query->step()) out.emplace_back(query->text(0));
    return out;
  }
  // What a killed process would leave behind: the files as they are now, in another folder's place.
  void kill(const std::function<void(Ledger&)>& before) {
    std::filesystem::create_directories(folder_ + "/dead");
    {
      auto journal = *store::Journal::open(folder_ + "/living");
      Book book({}, folder_, std::make_shared<PriceTable>(), clock_, log_, journal.get());
      {
        Ledger ledger(loop_, metrics_.shard(0), *access_log_, &book, journal.get());
        before(ledger);
        for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/living")) {
          std::filesystem::copy(entry.path(), folder_ + "/" + entry.path().filename().string());
        }
        // And what had not been handed over yet is lost with it.
        keep_.clear();
      }
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/living"));
  }

  std::string folder_;
  runtime::VirtualClock clock_;
  NoPoller poller_;
  runtime::Loop loop_{clock_, poller_};
  metrics::RelayMetrics metrics_{{.accounts = {"a", "b"}, .loops = 1, .version = "test"}};
  metrics::Log log_{clock_, -1};
  std::unique_ptr<AccessLog> access_log_ = std::move(*AccessLog::open({.access_log = "off"}, metrics_, log_));
  std::vector<model::Outcome> keep_;
};

TEST_F(RecoverTest, EndedCallsAreBookedExactlyAndOpenOnesAsUnknown) {
  kill([&](Ledger& ledger) {
    // Sealed, but its row was never handed over.
    model::Outcome sealed = call("brq_sealed");
    model::Outcome asked = call("brq_sealed", false);
    ASSERT_TRUE(ledger.intend(asked, std::nullopt));
    sealed.journal = asked.journal;
    ledger.seal(sealed);
    keep_.push_back(std::move(sealed));
    // Sent, and nothing more is known.
    for (const auto& [id, reserved] :
         {std::pair("brq_open", std::optional<int64_t>(5'000)), {"brq_free", std::nullopt}}) {
      model::Outcome open = call(id, false);
      open.attempts.clear();
      ASSERT_TRUE(ledger.intend(open, reserved));
      EXPECT_FALSE(open.charged_nanodollars) << "the call itself is as it was";
      EXPECT_EQ(open.ending, model::Ending::kUpstreamCut);
      keep_.push_back(std::move(open));
    }
  });
  const PriceTable prices;
  const auto recovered = recover_journal(folder_, prices);
  ASSERT_TRUE(recovered) << recovered.error().detail;
  EXPECT_EQ(recovered->ended, 1u);
  EXPECT_EQ(recovered->unknown, 2u);
  EXPECT_EQ(rows("request_id"), (std::vector<std::string>{"brq_free", "brq_open", "brq_sealed"}));
  EXPECT_EQ(rows("ending"), (std::vector<std::string>{"unknown", "unknown", "upstream_cut"}));
  const auto wanted = make_row(call("brq_sealed"), prices).cost;
  ASSERT_TRUE(wanted);
  EXPECT_EQ(rows("coalesce(cost_nanodollars, 'NULL')"),
            (std::vector<std::string>{"NULL", "NULL", std::to_string(*wanted)}));
  EXPECT_EQ(rows("coalesce(charged_nanodollars, 'NULL')"), (std::vector<std::string>{"NULL", "5000", "NULL"}));
  // Budgets begin with all of it.
  const auto holders = read_holders(folder_, call("x").started);
  ASSERT_TRUE(holders) << holders.error().detail;
  ASSERT_EQ(holders->spent.size(), 2u);
  EXPECT_EQ(holders->of("key:key_1").day_nanodollars, *wanted + 5'000);
  for (const auto& [holder, spent] : holders->spent) EXPECT_EQ(spent.month_nanodollars, *wanted + 5'000) << holder;
  // Nothing is left to be taken over again.
  const auto again = recover_journal(folder_, prices);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->ended + again->unknown, 0u);
  EXPECT_EQ(rows("request_id").size(), 3u);
}

TEST_F(RecoverTest, WhatIsBookedAlreadyIsNotBookedTwice) {
  kill([&](Ledger& ledger) {
    for (int i = 0; i < 500; ++i) {
      model::Outcome asked = call("brq_" + std::to_string(i), false);
      ASSERT_TRUE(ledger.intend(asked, std::nullopt));
      model::Outcome ended = call(asked.request_id);
      ended.journal = asked.journal;
      ledger.close(std::move(ended));
    }
  });
  EXPECT_EQ(rows("request_id").size(), 500u);
  const auto recovered = recover_journal(folder_, PriceTable());
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->ended + recovered->unknown, 0u);
  EXPECT_EQ(rows("request_id").size(), 500u);
}

TEST_F(RecoverTest, AFolderWithoutAJournalIsNothingToDo) {
  const auto recovered = recover_journal(folder_ + "/none", PriceTable());
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->ended + recovered->unknown, 0u);
}

}  // namespace
}  // namespace baton::ledger
