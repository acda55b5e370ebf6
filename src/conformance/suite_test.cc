// The suite against itself: its client joined to its upstream, in memory and on virtual time, is the perfect gateway;
// with something in between that spoils the bytes it is a bad one.
#include "conformance/suite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "conformance/report.h"
#include "runtime/wait.h"
#include "tests/simulation/memory_net.h"

namespace baton::conformance {
namespace {

class MemoryListener final : public runtime::Listener {
 public:
  explicit MemoryListener(runtime::Loop& loop) : loop_(loop) {}
  runtime::Task<std::unique_ptr<runtime::ByteStream>> accept() override {
    while (waiting_.empty() && !closed_) co_await runtime::wait(loop_, {.slot = &changed_});
    if (waiting_.empty()) co_return nullptr;
    auto stream = std::move(waiting_.front());
    waiting_.pop_front();
    co_return stream;
  }
  void close() override {
    closed_ = true;
    changed_.notify();
  }
  void give(std::unique_ptr<runtime::ByteStream> stream) {
    waiting_.push_back(std::move(stream));
    changed_.notify();
  }

 private:
  runtime::Loop& loop_;
  std::deque<std::unique_ptr<runtime::ByteStream>> waiting_;
  runtime::Slot changed_;
  bool closed_ = false;
};

runtime::Task<void> play(runtime::Loop& loop, Bench& bench, Selection selection,
                         std::optional<std::vector<Result>>& results) {
  auto done = co_await play_rows(loop, bench, std::move(selection), nullptr);
  results.emplace(std::move(done));
}

std::vector<Result> run(Selection selection, bool listening = true) {
  runtime::VirtualClock clock;
  simulation::VirtualPoller poller(clock);
  runtime::Loop loop(clock, poller);
  runtime::Random random(7);
  const simulation::Weather weather{.piece_bytes_max = 1024 * 1024, .window_bytes = 64 * 1024 * 1024};
  Upstream upstream(loop, "conformance-test", "any");
  auto listener = std::make_unique<MemoryListener>(loop);
  MemoryListener& accepts = *listener;
  upstream.listen(std::move(listener));
  simulation::MemoryDialer dialer(random, weather,
                                  [&](simulation::StreamPair& pair) { accepts.give(std::move(pair.b)); });
  dialer.refuse = !listening;
  Config config;
  config.endless_line_bytes = 256 * kKiB;
  Bench bench({.loop = loop, .gateway = dialer, .upstream = upstream},
              {.host_field = "gateway.example", .prefix = "/prefix", .key = "any"}, config);
  std::optional<std::vector<Result>> results;
  runtime::TaskGroup group;
  group.spawn(play(loop, bench, std::move(selection), results));
  loop.run_until([&] { return results.has_value() || poller.stuck(); });
  upstream.close();
  loop.run_until([&] { return upstream.settled(); });
  BATON_CHECK(results.has_value());
  return std::move(*results);
}

const Finding* finding_of(const std::vector<Result>& results, std::string_view name) {
  for (const Result& result : results) {
    if (result.row->name == name) return &result.finding;
  }
  return nullptr;
}

TEST(Suite, a_client_without_a_gateway_gets_all_that_a_gateway_must_not_change) {
  // What only a gateway can do is missing: it does not bridge a silence, nor notice an early end.
  for (const Result& result : run({.slow = true})) {
    const std::string_view row = result.row->name;
    Verdict want = Verdict::kPass;
    if (row == "stream-silence" || row == "end-early" || row == "end-unframed") want = Verdict::kFail;
    if (row.starts_with("session") || row.starts_with("moves-") || row == "limited-rests")
      want = Verdict::kNotApplicable;
    EXPECT_EQ(name(result.finding.verdict), name(want))
        << row << ": " << result.finding.expected << " / " << result.finding.seen << " / " << result.finding.note;
  }
}

TEST(Suite, nothing_is_played_where_the_upstream_is_not_reached) {
  const auto results = run({}, /*listening=*/false);
  const Finding* reach = finding_of(results, "reach");
  ASSERT_NE(reach, nullptr);
  EXPECT_EQ(reach->verdict, Verdict::kFail);
  EXPECT_EQ(totals_of(results).skipped, results.size() - 1);
}

TEST(Suite, rows_are_chosen_by_the_beginnings_of_their_names) {
  const auto results = run({.names = {"path-", "hello"}});
  EXPECT_EQ(results.size(), 5u);  // with the first
  EXPECT_NE(finding_of(results, "path-other"), nullptr);
  EXPECT_EQ(finding_of(results, "body-bytes"), nullptr);
  EXPECT_EQ(unknown_name({.names = {"path-", "unheard"}}), "unheard");
  EXPECT_EQ(unknown_name({.names = {"path-", "hello"}}), "");
}

TEST(Suite, names_are_unique_and_reports_carry_all_of_them) {
  std::vector<std::string_view> names;
  const std::string list = list_text();
  for (const Part& part : parts()) {
    for (const Row& row : part.rows) {
      EXPECT_EQ(std::ranges::find(names, row.name), names.end()) << row.name;
      names.push_back(row.name);
      EXPECT_NE(list.find("  " + std::string(row.name) + " "), std::string::npos);
    }
  }
  const Row& row = parts().front().rows.front();
  const std::vector<Result> results{{.part = "reaching the upstream", .row = &row, .finding = failed("\"a\"", "b\nc")}};
  EXPECT_EQ(row_text(results.front(), true), "\nreaching the upstream\n  FAIL  reach                   " +
                                                 std::string(row.sentence) +
                                                 "\n        expected  \"a\"\n        seen      b\nc\n");
  EXPECT_EQ(totals_text(results, std::chrono::milliseconds(1'250)), "\n0 passed, 1 failed in 1.2 s\n");
  const std::string json = report_json("http://a", "http://b", 1, results);
  EXPECT_NE(json.find("\"failed\":1"), std::string::npos);
  EXPECT_NE(json.find("\"expected\":\"\\\"a\\\"\",\"seen\":\"b\\nc\""), std::string::npos) << json;
}

}  // namespace
}  // namespace baton::conformance
