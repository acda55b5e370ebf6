// The cores of affinity by cost, and the pool's choice by them.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <set>

#include "accounts/pool.h"
#include "accounts/prompt_cost.h"
#include "runtime/loop.h"

namespace baton::accounts {
namespace {

using namespace std::chrono_literals;
using model::CacheMark;
using model::Prompt;

constexpr Instant kStart{1'000'000'000'000};

// Marked at each end: {hash, tokens}.
Prompt prompt_of(std::vector<std::pair<uint64_t, uint32_t>> prefixes, uint32_t tokens,
                 CacheMark mark = CacheMark::k5m) {
  Prompt prompt{.tokens = tokens};
  for (auto [hash, up_to] : prefixes) prompt.prefixes.push_back({hash << 32 | hash, up_to, mark});
  return prompt;
}

TEST(DecayedLoad, halves_and_never_falls_below_nothing) {
  DecayedLoad load;
  EXPECT_EQ(load.at(kStart, 1min), 0);
  load.add(1000, kStart, 1min);
  EXPECT_NEAR(load.at(kStart + 1min, 1min), 500, 1);
  load.add(500, kStart + 1min, 1min);
  EXPECT_NEAR(load.at(kStart + 2min, 1min), 500, 1);
  load.add(-9000, kStart + 2min, 1min);
  EXPECT_EQ(load.at(kStart + 2min, 1min), 0);
}

TEST(CacheMinimum, is_listed_and_learnt_from_replies) {
  EXPECT_EQ(cache_tokens_min("claude-opus-5-5"), 512u);
  EXPECT_EQ(cache_tokens_min("claude-sonnet-5-5"), 1024u);
  EXPECT_EQ(cache_tokens_min("something-else"), 1024u);
  CacheMinimum minimum;
  EXPECT_EQ(minimum.tokens(7, 1024), 1024u);
  minimum.learn(7, 1024, 900, false);  // below it anyway
  EXPECT_EQ(minimum.tokens(7, 1024), 1024u);
  minimum.learn(7, 1024, 1500, false);
  EXPECT_EQ(minimum.tokens(7, 1024), 1501u);
  minimum.learn(7, 1024, 700, true);
  EXPECT_EQ(minimum.tokens(7, 1024), 700u);
  minimum.learn(7, 1024, 50'000, false);  // no minimum is so large: something else kept it from being cached
  EXPECT_EQ(minimum.tokens(7, 1024), 700u);
  EXPECT_EQ(minimum.tokens(8, 1024), 1024u);
}

TEST(PromptCost, reads_writes_and_the_rest_have_their_prices) {
  struct Row {
    const char* name;
    Prompt prompt;
    uint32_t matched;
    double want;
  };
  const Row rows[] = {
      {"nothing held", prompt_of({{1, 8000}}, 10'000), 0, 1.25 * 8000 + 2000},
      {"all held", prompt_of({{1, 8000}}, 10'000), 8000, 0.1 * 8000 + 2000},
      {"a part held", prompt_of({{1, 4000}, {2, 8000}}, 10'000), 4000, 0.1 * 4000 + 1.25 * 4000 + 2000},
      {"held up to between the marks", prompt_of({{1, 4000}, {2, 8000}}, 10'000), 6000,
       0.1 * 6000 + 1.25 * 2000 + 2000},
      {"written for an hour", prompt_of({{1, 8000}}, 10'000, CacheMark::k1h), 0, 2.0 * 8000 + 2000},
      {"too short to be cached", prompt_of({{1, 1000}}, 10'000), 0, 10'000},
  };
  for (const Row& row : rows) EXPECT_NEAR(input_price(row.prompt, row.matched, 1024), row.want, 1e-6) << row.name;
}

TEST(PromptCost, load_weighs_by_its_excess_up_to_half_a_prompt) {
  EXPECT_EQ(load_price({.mine = 1e6, .mean = 1e6}, 1000), 0);
  EXPECT_EQ(load_price({.mine = 1e5, .mean = 1e6}, 1000), 0);
  EXPECT_NEAR(load_price({.mine = 2e6, .mean = 1e6}, 1000), 300, 1e-6);
  EXPECT_NEAR(load_price({.mine = 9e6, .mean = 1e6}, 1000), 500, 1e-6);
  // A conversation alone in an idle pool is no load to speak of.
  EXPECT_LT(load_price({.mine = 8000, .mean = 1000}, 8000), 0.2 * 8000);
  EXPECT_EQ(crowd_price(4, 4, 1000), 0);
  EXPECT_NEAR(crowd_price(8, 4, 1000), 300, 1e-6);
  EXPECT_NEAR(crowd_price(400, 4, 1000), 500, 1e-6);
}

TEST(PromptBeliefs, hold_what_was_written_until_it_expires_and_each_use_renews_it) {
  PromptBeliefs beliefs({});
  const Prompt prompt = prompt_of({{1, 600}, {2, 4000}, {3, 8000}}, 9000);
  std::array<uint32_t, 3> matched{};
  const auto held = [&](CacheDomain domain, Instant now) {
    beliefs.match(prompt, matched, now);
    return matched[domain];
  };
  EXPECT_EQ(held(1, kStart), 0u);
  beliefs.written(prompt, 1, 1024, kStart);
  EXPECT_EQ(beliefs.size(), 2u);  // the first is too short
  EXPECT_EQ(held(1, kStart + 299s), 8000u);
  EXPECT_EQ(held(0, kStart + 299s), 0u);
  EXPECT_EQ(held(1, kStart + 300s), 0u);
  // A shorter prompt renews what it reads.
  const Prompt shorter = prompt_of({{2, 4000}}, 5000);
  beliefs.written(shorter, 1, 1024, kStart + 200s);
  EXPECT_EQ(held(1, kStart + 400s), 4000u);
  const Prompt lasting = prompt_of({{9, 4000}}, 5000, CacheMark::k1h);
  beliefs.written(lasting, 2, 1024, kStart);
  beliefs.match(lasting, matched, kStart + 59min);
  EXPECT_EQ(matched[2], 4000u);
}

TEST(PromptBeliefs, an_unmarked_border_is_read_and_renewed_but_not_written) {
  PromptBeliefs beliefs({});
  Prompt next = prompt_of({{1, 4000}, {2, 8000}}, 9000);
  next.prefixes[0].mark = CacheMark::kNone;
  beliefs.written(next, 0, 1024, kStart);
  EXPECT_EQ(beliefs.size(), 1u);
  beliefs.written(prompt_of({{1, 4000}}, 5000), 0, 1024, kStart);
  beliefs.written(next, 0, 1024, kStart + 200s);
  std::array<uint32_t, 1> matched{};
  beliefs.match(prompt_of({{1, 4000}}, 5000), matched, kStart + 450s);
  EXPECT_EQ(matched[0], 4000u);
}

TEST(PromptBeliefs, are_corrected_and_bounded) {
  PromptBeliefs beliefs({.prefixes_max = 1600});
  const Prompt prompt = prompt_of({{1, 4000}, {2, 8000}}, 9000);
  std::array<uint32_t, 2> matched{};
  beliefs.written(prompt, 0, 1024, kStart);
  beliefs.written(prompt, 1, 1024, kStart);
  beliefs.correct(prompt, 0, 4400);
  beliefs.match(prompt, matched, kStart);
  EXPECT_EQ(matched[0], 4000u);
  EXPECT_EQ(matched[1], 8000u);
  beliefs.correct(prompt, 0, 0);
  beliefs.match(prompt, matched, kStart);
  EXPECT_EQ(matched[0], 0u);
  for (uint64_t i = 0; i < 10'000; ++i) beliefs.written(prompt_of({{100 + i, 4000}}, 4000), 0, 1024, kStart);
  EXPECT_LE(beliefs.size(), 1600u);
  EXPECT_GT(beliefs.size(), 1500u);
  // Everybody holds it: those that end first make room.
  const Prompt shared = prompt_of({{5, 4000}}, 4000);
  for (CacheDomain domain = 0; domain < PromptBeliefs::kPlacesMax + 8; ++domain)
    beliefs.written(shared, domain, 1024, kStart + 1ms * domain);
  std::vector<uint32_t> all(PromptBeliefs::kPlacesMax + 8);
  beliefs.match(shared, all, kStart + 1s);
  EXPECT_EQ(std::ranges::count(all, 4000u), static_cast<ptrdiff_t>(PromptBeliefs::kPlacesMax));
  EXPECT_EQ(all[0], 0u);
}

struct NoPoller final : runtime::Poller {
  void poll(Instant) override {}
  void interrupt() override {}
};

TEST(PromptWrites, one_leads_the_others_follow_until_its_answer_begins) {
  runtime::VirtualClock clock;
  NoPoller poller;
  runtime::Loop loop(clock, poller);
  PromptWrites writes;
  const Prompt prompt = prompt_of({{1, 5000}, {2, 9000}}, 10'000);
  auto first = writes.join(prompt, 4000, loop);
  ASSERT_TRUE(first.lead);
  EXPECT_FALSE(first.follower);
  auto second = writes.join(prompt, 4000, loop);
  ASSERT_TRUE(second.follower);
  // Only the beginning is shared.
  auto third = writes.join(prompt_of({{1, 5000}, {3, 7000}}, 8000), 4000, loop);
  ASSERT_TRUE(third.follower);
  EXPECT_EQ(writes.followers(), 2u);
  // Not worth waiting for.
  EXPECT_FALSE(writes.join(prompt_of({{1, 5000}}, 8000), 5000, loop).follower);
  auto stranger = writes.join(prompt_of({{4, 5000}}, 8000), 4000, loop);
  EXPECT_TRUE(stranger.lead);
  writes.leave(third.follower);
  EXPECT_EQ(writes.followers(), 1u);
  first.lead = {};
  loop.run_until([&] { return second.follower->woken; });
  EXPECT_TRUE(second.follower->woken);
  EXPECT_FALSE(third.follower->woken);
  EXPECT_TRUE(writes.join(prompt, 4000, loop).lead);  // the next
}

TEST(PromptWrites, are_bounded) {
  runtime::VirtualClock clock;
  NoPoller poller;
  runtime::Loop loop(clock, poller);
  PromptWrites writes;
  std::vector<PromptWrites::Joined> joined;
  const Prompt prompt = prompt_of({{1, 5000}}, 6000);
  joined.push_back(writes.join(prompt, 0, loop));
  for (size_t i = 0; i < PromptWrites::kFollowersMax + 5; ++i) joined.push_back(writes.join(prompt, 0, loop));
  EXPECT_EQ(writes.followers(), PromptWrites::kFollowersMax);
  EXPECT_FALSE(joined.back().follower);
  EXPECT_FALSE(joined.back().lead);
  for (uint64_t i = 0; i < PromptWrites::kWritesMax + 5; ++i)
    joined.push_back(writes.join(prompt_of({{10 + i, 5000}}, 6000), 0, loop));
  EXPECT_FALSE(joined.back().lead);
}

// -- The pool --

struct Rig {
  explicit Rig(size_t accounts) {
    for (size_t i = 0; i < accounts; ++i) config.accounts.emplace_back().name = "account-" + std::to_string(i);
  }
  AccountPool& pool() {
    if (!made) made = std::make_unique<AccountPool>(config, clock);
    return *made;
  }
  Ask ask(uint64_t session, const Prompt& prompt) {
    return {
        .model = 1, .limits = LimitClass::kSonnet, .affinity = session, .prompt = &prompt, .cache_tokens_min = 1024};
  }
  // A call that is served, and whose prompt is cached where it went.
  AccountIndex call(uint64_t session, const Prompt& prompt) {
    auto admission = pool().admit(ask(session, prompt), clock.now());
    EXPECT_TRUE(admission.lease);
    pool().prompt_begun(*admission.lease, ask(session, prompt), clock.now());
    return admission.lease->index();
  }
  Config config;
  runtime::VirtualClock clock;
  std::unique_ptr<AccountPool> made;
};

TEST(PoolPrompts, are_looked_at_only_where_there_is_a_choice_of_caches) {
  EXPECT_FALSE(Rig(1).pool().reads_prompts());
  EXPECT_TRUE(Rig(2).pool().reads_prompts());
  Rig shared(2);
  for (auto& one : shared.config.accounts) one.cache_domain = "one workspace";
  EXPECT_FALSE(shared.pool().reads_prompts());
  for (std::string_view policy : {"session", "round_robin"}) {
    Rig rig(2);
    rig.config.affinity.policy = policy;
    EXPECT_FALSE(rig.pool().reads_prompts()) << policy;
    EXPECT_EQ(rig.pool().has_affinity(), policy == "session");
  }
}

TEST(PoolPrompts, a_call_goes_where_its_prefix_is_whatever_session_it_is_of) {
  Rig rig(8);
  std::set<AccountIndex> used;
  for (uint64_t i = 0; i < 40; ++i) {
    const Prompt prompt = prompt_of({{1, 20'000}}, 21'000);
    used.insert(rig.call(1000 + i, prompt));
  }
  EXPECT_EQ(used.size(), 1u);
}

TEST(PoolPrompts, a_small_common_beginning_does_not_draw_everything_to_one_account) {
  Rig rig(8);
  std::map<AccountIndex, int> used;
  for (uint64_t i = 0; i < 400; ++i) {
    const Prompt prompt = prompt_of({{1, 1500}, {100 + i, 20'000}}, 21'000);
    ++used[rig.call(1000 + i, prompt)];
  }
  EXPECT_EQ(used.size(), 8u);
  for (auto [account, calls] : used) EXPECT_LT(calls, 75) << account;
}

TEST(PoolPrompts, round_robin_takes_turns) {
  Rig rig(4);
  rig.config.affinity.policy = "round_robin";
  std::vector<Lease> held;
  for (int i = 0; i < 12; ++i) {
    auto admission = rig.pool().admit({.affinity = 5}, rig.clock.now());
    EXPECT_EQ(admission.lease->index(), static_cast<AccountIndex>(i % 4));
    if (i % 4 == 1) held.push_back(std::move(*admission.lease));
  }
}

TEST(PoolPrompts, usage_corrects_what_is_believed) {
  Rig rig(2);
  const Prompt prompt = prompt_of({{1, 20'000}}, 21'000);
  const auto ask = rig.ask(1, prompt);
  const auto once = [&](const model::Usage& usage) {
    auto admission = rig.pool().admit(ask, rig.clock.now());
    rig.pool().prompt_begun(*admission.lease, ask, rig.clock.now());
    const uint32_t expected = admission.lease->outlook().matched;
    const PromptGain gain = rig.pool().prompt_used(*admission.lease, ask, usage);
    return std::pair{expected, gain};
  };
  // The vendor counts twice as many tokens as we guess.
  auto [none, no_gain] = once({.known = true, .input_tokens = 2000, .cache_creation_input_tokens = 40'000});
  EXPECT_EQ(none, 0u);
  EXPECT_EQ(no_gain.saved_tokens, 0);
  auto [all, gain] = once({.known = true, .input_tokens = 2000, .cache_read_input_tokens = 40'000});
  EXPECT_EQ(all, 20'000u);
  EXPECT_NEAR(static_cast<double>(gain.saved_tokens), 20'000, 10);  // a blind choice would have met it half the time
  // It was not there, and is not written either.
  auto [again, nothing] = once({.known = true, .input_tokens = 42'000});
  EXPECT_EQ(again, 20'000u);
  EXPECT_EQ(nothing.saved_tokens, 0);
  EXPECT_EQ(once({.known = true, .input_tokens = 42'000}).first, 0u);
  EXPECT_EQ(rig.pool().prompt_prefixes(), 0u);
}

TEST(PoolPrompts, a_move_is_counted_as_a_loss_and_lasts) {
  Rig rig(4);
  const Prompt prompt = prompt_of({{1, 20'000}}, 21'000);
  const AccountIndex home = rig.call(1, prompt);
  Ask elsewhere = rig.ask(1, prompt);
  elsewhere.tried = std::span(&home, 1);
  auto moved = rig.pool().admit(elsewhere, rig.clock.now());
  ASSERT_TRUE(moved.lease);
  EXPECT_NE(moved.lease->index(), home);
  EXPECT_EQ(moved.lease->home(), Home::kMoved);
  rig.pool().prompt_begun(*moved.lease, elsewhere, rig.clock.now());
  const auto gain = rig.pool().prompt_used(
      *moved.lease, elsewhere, {.known = true, .input_tokens = 1000, .cache_creation_input_tokens = 20'000});
  EXPECT_NEAR(static_cast<double>(gain.lost_tokens), 20'000, 10);
  const AccountIndex now = moved.lease->index();
  moved.lease.reset();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(rig.call(1, prompt), now);
}

TEST(PoolPrompts, waits_a_moment_for_a_cache_that_is_worth_it) {
  Rig rig(2);
  for (auto& one : rig.config.accounts) one.requests_per_minute = 120;
  const Prompt large = prompt_of({{1, 20'000}}, 21'000);
  AccountIndex home = 0;
  for (int i = 0; i < 120; ++i) home = rig.call(1, large);
  Ask ask = rig.ask(1, large);
  ask.patient = true;
  auto admission = rig.pool().admit(ask, rig.clock.now());
  EXPECT_FALSE(admission.lease);
  EXPECT_TRUE(admission.for_home);
  // Hardly anything of this one is held there.
  const Prompt little = prompt_of({{1, 20'000}, {2, 400'000}}, 400'000);
  Ask other = rig.ask(2, little);
  other.patient = true;
  auto at_once = rig.pool().admit(other, rig.clock.now());
  ASSERT_TRUE(at_once.lease);
  EXPECT_NE(at_once.lease->index(), home);
}

// Newcomers are spread as their weights say: chi-square over 10,000 conversations, 7 degrees of freedom, 0.1 %.
TEST(PoolPrompts, ten_thousand_conversations_spread_evenly) {
  for (bool priced : {false, true}) {
    Rig rig(8);
    std::array<double, 8> count{};
    for (uint64_t session = 1; session <= 10'000; ++session) {
      const Prompt prompt = prompt_of({{session + 10, 5000}}, 6000);
      const uint64_t key = session * 0x9E3779B97F4A7C15u;
      const AccountIndex at =
          priced ? rig.call(key, prompt) : rig.pool().admit({.affinity = key}, rig.clock.now()).lease->index();
      ++count[at];
    }
    double chi_square = 0;
    for (double n : count) chi_square += (n - 1250) * (n - 1250) / 1250;
    EXPECT_LT(chi_square, 24.32) << priced;
  }
}

}  // namespace
}  // namespace baton::accounts
