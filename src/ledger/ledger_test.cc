#include "ledger/ledger.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace baton::ledger {
namespace {

// A loop that sleeps on its virtual clock.
class ClockPoller final : public runtime::Poller {
 public:
  explicit ClockPoller(runtime::VirtualClock& clock) : clock_(clock) {}
  void poll(Instant until) override {
    if (until > clock_.now() && until.ns != INT64_MAX) clock_.set(until);
  }
  void interrupt() override {}

 private:
  runtime::VirtualClock& clock_;
};

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    path_ = ::testing::TempDir() + "ledger_test_XXXXXX";
    int file = ::mkstemp(path_.data());
    EXPECT_GE(file, 0);
    ::close(file);
    log_ = open(path_);
  }
  ~LedgerTest() override { std::filesystem::remove(path_); }

  std::unique_ptr<AccessLog> open(const std::string& sink) {
    return std::move(AccessLog::open({.access_log = sink}, metrics_, operator_log_).value());
  }
  // The lines that have reached the file once the log has ended.
  size_t lines_written() {
    log_.reset();
    std::ifstream file(path_);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  void run_for(Duration time) {
    Instant until = clock_.now() + time;
    loop_.run_until([&] {
      if (loop_.timers().size() == 0) clock_.set(until);
      return clock_.now() >= until;
    });
  }
  static model::Outcome outcome() {
    model::Outcome o;
    o.status = 200;
    o.request_id = "req_0123456789";
    return o;
  }

  std::string path_;
  runtime::VirtualClock clock_;
  ClockPoller poller_{clock_};
  runtime::Loop loop_{clock_, poller_};
  metrics::RelayMetrics metrics_{{.accounts = {}, .loops = 1, .version = "1"}};
  metrics::Log operator_log_{clock_, -1};
  std::unique_ptr<AccessLog> log_;
};

TEST_F(LedgerTest, ACallIsCountedObservedAndWritten) {
  std::vector<std::string> seen;
  {
    Ledger ledger(loop_, metrics_.shard(0), *log_);
    ledger.observe([&](const model::Outcome& o) { seen.push_back(o.request_id); });
    ledger.close(outcome());
    EXPECT_EQ(ledger.closed(), 1u);
  }
  EXPECT_EQ(seen, std::vector<std::string>{"req_0123456789"});
  EXPECT_NE(metrics_.text().find("claude_requests_total{status=\"200\"} 1\n"), std::string::npos);
  EXPECT_EQ(lines_written(), 1u);
}

TEST_F(LedgerTest, LinesWaitForTheTimerAndNoTimerRunsWhenNothingWaits) {
  Ledger ledger(loop_, metrics_.shard(0), *log_);
  EXPECT_EQ(loop_.timers().size(), 0u);
  ledger.close(outcome());
  ledger.close(outcome());
  EXPECT_EQ(loop_.timers().size(), 1u);
  run_for(Ledger::kFlushAfter / 2);
  EXPECT_EQ(loop_.timers().size(), 1u) << "not yet";
  run_for(Ledger::kFlushAfter);
  EXPECT_EQ(loop_.timers().size(), 0u) << "handed over";
  run_for(std::chrono::hours(1));
  EXPECT_EQ(lines_written(), 2u);
}

TEST_F(LedgerTest, AFullBufferIsHandedOverAtOnce) {
  Ledger ledger(loop_, metrics_.shard(0), *log_);
  size_t closed = 0;
  do {
    ledger.close(outcome());
    ++closed;
  } while (loop_.timers().size() == 1 && closed < 100'000);
  EXPECT_LT(closed, Ledger::kFlushBytes / 100);
  EXPECT_EQ(lines_written(), closed);
}

TEST_F(LedgerTest, WhatWaitsIsHandedOverWhenTheLedgerEndsEvenIfItsTimerHasJustFired) {
  {
    Ledger ledger(loop_, metrics_.shard(0), *log_);
    ledger.close(outcome());
    clock_.advance(Ledger::kFlushAfter * 2);
    loop_.timers().advance(clock_.now());
  }
  run_for(std::chrono::seconds(1));
  EXPECT_EQ(lines_written(), 1u);
}

TEST_F(LedgerTest, WithTheLogOffCallsAreStillCounted) {
  auto off = open("off");
  Ledger ledger(loop_, metrics_.shard(0), *off);
  ledger.close(outcome());
  EXPECT_EQ(ledger.closed(), 1u);
  EXPECT_EQ(loop_.timers().size(), 0u);
  EXPECT_NE(metrics_.text().find("claude_requests_total{status=\"200\"} 1\n"), std::string::npos);
}

TEST_F(LedgerTest, LinesThatTheQueueCannotTakeAreCounted) {
  auto tiny =
      std::move(AccessLog::open({.access_log = path_, .log_queue_bytes_max = 10}, metrics_, operator_log_).value());
  {
    Ledger ledger(loop_, metrics_.shard(0), *tiny);
    ledger.close(outcome());
    ledger.close(outcome());
    ledger.flush();
  }
  EXPECT_NE(metrics_.text().find("baton_access_log_dropped_total 2\n"), std::string::npos);
}

}  // namespace
}  // namespace baton::ledger
