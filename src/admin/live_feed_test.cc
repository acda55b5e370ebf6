#include "admin/live_feed.h"

#include <gtest/gtest.h>

namespace baton::admin {
namespace {

model::Outcome outcome(int number) {
  model::Outcome one;
  one.request_id = "req_" + std::to_string(number);
  one.client = "lap\x1btop";
  one.operation = model::Operation::kMessages;
  one.status = 200;
  one.attempts.resize(1);
  return one;
}

size_t count(std::string_view text, std::string_view what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(LiveFeed, costs_nothing_while_nobody_listens) {
  LiveFeed feed;
  feed.offer(outcome(1), Instant{1});
  EXPECT_EQ(feed.now_at(), 0u);
}

TEST(LiveFeed, gives_calls_as_they_close_and_counts_those_beyond_its_rate) {
  LiveFeed feed;
  const LiveFeed::Listening listening(feed);
  uint64_t seen = feed.now_at();
  Instant now{1'000'000'000};
  feed.offer(outcome(1), now);
  std::string text = feed.news(seen);
  EXPECT_TRUE(text.starts_with("event: call\ndata: {\"seq\":null,\"id\":\"req_1\"")) << text;
  EXPECT_TRUE(text.ends_with("}\n\n"));
  EXPECT_NE(text.find("lap\\u001btop"), std::string::npos);
  EXPECT_EQ(feed.news(seen), "") << "each once";
  for (int i = 0; i < 50; ++i) feed.offer(outcome(i), now);
  text = feed.news(seen);
  EXPECT_EQ(count(text, "event: call\n"), kLiveCallsPerSecond - 1);
  EXPECT_TRUE(text.ends_with("event: skipped\ndata: {\"count\":31}\n\n")) << text.substr(text.size() - 80);
  model::Outcome probe = outcome(1);
  probe.operation = model::Operation::kProbe;
  feed.offer(probe, now + std::chrono::seconds(5));
  EXPECT_EQ(feed.news(seen), "");
}

TEST(LiveFeed, keeps_so_many_for_who_is_behind) {
  LiveFeed feed;
  const LiveFeed::Listening listening(feed);
  uint64_t slow = feed.now_at();
  Instant now{1'000'000'000};
  for (int i = 0; i < 200; ++i) feed.offer(outcome(i), now = now + std::chrono::milliseconds(100));
  const std::string text = feed.news(slow);
  EXPECT_EQ(count(text, "event: call\n"), LiveFeed::kRecentMax);
  EXPECT_NE(text.find("{\"count\":136}"), std::string::npos);
}

TEST(LiveFeed, takes_so_many_listeners) {
  LiveFeed feed;
  std::vector<std::unique_ptr<LiveFeed::Listening>> all;
  for (size_t i = 0; i < kListenersMax; ++i) {
    EXPECT_TRUE(feed.has_room());
    all.push_back(std::make_unique<LiveFeed::Listening>(feed));
  }
  EXPECT_FALSE(feed.has_room());
  all.pop_back();
  EXPECT_TRUE(feed.has_room());
}

}  // namespace
}  // namespace baton::admin
