#include "accounts/prompt_warmth.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;
using Next = PromptWarmth::Next;

constexpr int64_t kWrite = 125'000, kRead = 10'000, kFresh = 100'000;  // of 10,000 tokens, in nanodollars

model::Prompt prompt(uint64_t hash, bool lasting = false) {
  return {
      .prefixes = {{.hash = hash, .tokens = 10'000, .mark = lasting ? model::CacheMark::k1h : model::CacheMark::k5m}},
      .tokens = 10'000};
}

class Play {
 public:
  explicit Play(double share, std::string gate = "off")
      : warmth({.config = {.keep_warm_share = share, .write_admission = std::move(gate)}}) {}

  PromptWarmth::Ticket use(uint64_t hash, Instant at, bool written = true, bool lasting = false) {
    const PromptWarmth::Use use{.tenant = 1,
                                .begun = at,
                                .cost = 1'000'000,
                                .again = kRead,
                                .saved = kWrite - kRead,
                                .premium = written ? (lasting ? kFresh : kWrite - kFresh) : 0,
                                .discount = written ? kFresh - kRead : 0};
    PromptWarmth::News heard;
    auto ticket = warmth.used(prompt(hash, lasting), use, heard);
    news.useful += heard.useful;
    news.wasted += heard.wasted;
    news.saved += heard.saved;
    news.left_read += heard.left_read;
    news.left_unread += heard.left_unread;
    news.written_read += heard.written_read;
    news.written_unread += heard.written_unread;
    news.gate_saved += heard.gate_saved;
    news.gate_lost += heard.gate_lost;
    return ticket;
  }
  // So many prompts are used twice, with this time between.
  void teach(int prompts, Duration between) {
    for (int i = 0; i < prompts; ++i) {
      use(next_, now);
      use(next_++, now + between);
      now = now + 2h;
    }
  }
  PromptWarmth warmth;
  PromptWarmth::News news;
  Instant now{1};

 private:
  uint64_t next_ = 1'000'000;
};

TEST(PromptWarmth, what_comes_back_too_late_is_asked_for_before_it_runs_out) {
  Play play(0.1);
  EXPECT_FALSE(play.use(1, play.now)) << "nothing is known yet";
  play.teach(40, 7min);
  const auto ticket = play.use(2, play.now);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket.due, play.now + 4min + 30s);
  EXPECT_EQ(play.warmth.due(ticket, ticket.due), Next::kAsk);
  const auto again = play.warmth.asked(ticket, {.begun = ticket.due, .cost = kRead, .held = true});
  EXPECT_FALSE(again) << "none comes back in its third life";
  play.use(2, play.now + 7min);
  EXPECT_EQ(play.news.useful, 1u);
  EXPECT_EQ(play.news.wasted, 0u);
  EXPECT_EQ(play.news.saved, kWrite - kRead);
  EXPECT_EQ(play.warmth.due(ticket, ticket.due), Next::kGone) << "it came back";
}

TEST(PromptWarmth, what_comes_back_in_time_or_never_is_let_go) {
  Play in_time(0.1);
  in_time.teach(40, 2min);
  EXPECT_FALSE(in_time.use(2, in_time.now));
  Play never(0.1);
  never.teach(5, 7min);
  for (uint64_t i = 0; i < 400; ++i) never.use(10 + i, never.now);
  never.now = never.now + 2h;
  EXPECT_FALSE(never.use(2, never.now)) << "5 of 400 do not pay";
}

TEST(PromptWarmth, nothing_is_asked_for_without_money_or_price) {
  Play play(0.1);
  play.teach(40, 7min);
  const auto ticket = play.use(2, play.now);
  ASSERT_TRUE(ticket);
  int asked = 0;
  while (play.warmth.due(ticket, ticket.due) == Next::kAsk && asked < 10'000) ++asked;
  EXPECT_GT(asked, 100);
  EXPECT_EQ(play.warmth.due(ticket, ticket.due), Next::kNoMoney);
  PromptWarmth::News news;
  EXPECT_FALSE(play.warmth.used(prompt(3), {.tenant = 1, .begun = play.now}, news)) << "no price is known";
  Play off(0);
  off.teach(40, 7min);
  EXPECT_FALSE(off.use(2, off.now));
  EXPECT_FALSE(off.warmth.may_pay(prompt(2), 1));
}

TEST(PromptWarmth, an_entry_that_was_gone_is_not_asked_for_again) {
  Play play(0.1);
  for (int i = 0; i < 40; ++i) {
    play.teach(1, 7min);
    play.teach(1, 12min);
  }
  const auto ticket = play.use(2, play.now);
  ASSERT_TRUE(ticket);
  ASSERT_EQ(play.warmth.due(ticket, ticket.due), Next::kAsk);
  const auto second = play.warmth.asked(ticket, {.begun = ticket.due, .cost = kRead, .held = true});
  ASSERT_TRUE(second) << "half of them come in the third life";
  EXPECT_EQ(second.due, ticket.due + 4min + 30s);
  EXPECT_FALSE(play.warmth.asked(second, {.begun = second.due, .cost = kWrite, .held = false}));
}

TEST(PromptWarmth, asks_in_a_row_are_bounded) {
  Play play(0.1);
  play.teach(40, 17min);
  auto ticket = play.use(2, play.now);
  int asked = 0;
  while (ticket) {
    ASSERT_EQ(play.warmth.due(ticket, ticket.due), Next::kAsk);
    ticket = play.warmth.asked(ticket, {.begun = ticket.due, .cost = kRead, .held = true});
    ++asked;
  }
  EXPECT_EQ(asked, 3);
}

TEST(PromptWarmth, what_does_not_pay_gets_less_money) {
  Play play(0.1);
  play.teach(40, 7min);
  const double before = play.warmth.share();
  for (uint64_t i = 0; i < 12; ++i) {
    const auto ticket = play.use(10 + i, play.now);
    if (!ticket || play.warmth.due(ticket, ticket.due) != Next::kAsk) break;
    (void)play.warmth.asked(ticket, {.begun = ticket.due, .cost = 20 * kRead, .held = true});
    play.now = play.now + 30min;
  }
  play.use(9, play.now);
  EXPECT_GT(play.news.wasted, 2u);
  EXPECT_LE(play.warmth.share(), before / 8);
}

TEST(PromptWarmth, a_longer_prompt_is_the_return_of_what_it_begins_with) {
  Play play(0.1);
  for (int i = 0; i < 40; ++i) {
    const auto hash = static_cast<uint64_t>(10 * i + 10);
    play.use(hash, play.now);
    model::Prompt longer = prompt(hash + 1);
    longer.prefixes.insert(longer.prefixes.begin(), {.hash = hash, .tokens = 5'000});
    PromptWarmth::News news;
    (void)play.warmth.used(longer, {.tenant = 1, .begun = play.now + 7min, .cost = 1, .again = 1, .saved = 1}, news);
    play.now = play.now + 2h;
  }
  EXPECT_TRUE(play.use(2, play.now));
}

TEST(PromptWarmth, entries_of_an_hour_have_lives_of_an_hour) {
  Play play(0.1);
  for (uint64_t i = 0; i < 40; ++i) {
    play.use(10 + i, play.now, true, true);
    play.use(10 + i, play.now + 90min, true, true);
    play.now = play.now + 24h;
  }
  EXPECT_EQ(play.use(2, play.now, true, true).due, play.now + 1h - 30s);
}

TEST(PromptWarmth, the_gate_counts_what_it_would_have_saved_and_lost) {
  Play play(0, "shadow");
  for (uint64_t i = 0; i < 100; ++i) play.use(1'000 + i, play.now = play.now + 1h);
  EXPECT_EQ(play.news.written_read, 0u);
  EXPECT_GT(play.news.left_unread, 90u) << "none was read";
  EXPECT_EQ(play.news.gate_saved, int64_t{play.news.left_unread} * (kWrite - kFresh));
  EXPECT_EQ(play.news.gate_lost, 0);
  // One that is read after all would have cost what reading saves, less what writing costs more.
  play.use(5, play.now);
  play.use(5, play.now + 1min);
  EXPECT_EQ(play.news.left_read, 1u);
  EXPECT_EQ(play.news.gate_lost, (kFresh - kRead) - (kWrite - kFresh));
  // Where most are read they are written.
  for (uint64_t i = 0; i < 400; ++i) {
    play.use(9'000 + i, play.now);
    play.use(9'000 + i, play.now + 1min, /*written=*/false);
    play.now = play.now + 1h;
  }
  EXPECT_GT(play.news.written_read, 200u);
  EXPECT_EQ(Play(0.1).news.left_read, 0u);
}

TEST(PromptWarmth, more_than_it_follows_makes_room_and_teaches_nothing_wrong) {
  Play play(0.1);
  for (uint64_t i = 1; i <= 3 * kFollowedMax; ++i) play.use(i, play.now);
  play.now = play.now + 2h;
  play.teach(40, 7min);
  EXPECT_EQ(play.news.useful + play.news.wasted, 0u);
  EXPECT_EQ(play.use(5, play.now).key, 0u) << "most never came back";
}

}  // namespace
}  // namespace baton::accounts
