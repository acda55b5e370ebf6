// Rate limits, accounts and affinity as gateways get them wrong: the rows that pool_test and chain_test leave. Which
// test is whose: tests/README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "accounts/affinity.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";
Reply good() { return Reply::json(200, kMessage); }
Reply limited(std::string_view fields) { return Reply::json(429, R"({"type":"error"})", fields); }

WorldOptions scripted(size_t accounts) {
  WorldOptions options;
  options.accounts = accounts;
  options.scripted = true;
  options.pool = {};
  return options;
}

Script call_at(Duration start, std::string fields = "") {
  return {.fields = std::move(fields), .body = World::body(false), .start = start};
}

std::string http_date(WallTime at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(at - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

// How long account 0 is left alone after it has answered with these fields; a call comes every `gap`.
Duration left_alone(World& world, std::string_view fields, Duration gap) {
  world.upstreams.next(0, limited(fields));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, good());
  std::vector<Instant> asked;
  for (int i = 0; i < 60 && asked.size() < 2; ++i) {
    const size_t before = world.upstreams.asked.size();
    EXPECT_EQ(world.play(call_at(gap)).status, 200);
    for (size_t at = before; at < world.upstreams.asked.size(); ++at) {
      if (world.upstreams.asked[at].account == 0) asked.push_back(world.upstreams.asked[at].at);
    }
  }
  return asked.size() < 2 ? Duration::max() : asked[1] - asked[0];
}

TEST(RowSimulation, row16_a_retry_after_is_kept_in_whichever_form_it_comes) {
  struct Row {
    const char* name;
    std::function<std::string(WallTime now)> fields;
    Duration want;
  };
  const Row rows[] = {
      {"seconds", [](WallTime) { return "retry-after: 40\r\n"; }, 40s},
      {"a fraction", [](WallTime) { return "retry-after: 20.5\r\n"; }, 20500ms},
      {"milliseconds", [](WallTime) { return "retry-after-ms: 30500\r\n"; }, 30500ms},
      {"an HTTP date", [](WallTime now) { return "retry-after: " + http_date(now + 60s) + "\r\n"; },
       50s},  // its first call comes later
      {"three days", [](WallTime) { return "retry-after: 259200\r\n"; }, 72h},
  };
  for (const Row& row : rows) {
    World world(scripted(2));
    const Duration gap = row.want / 20;
    const Duration alone = left_alone(world, row.fields(world.loop().wall()), gap);
    EXPECT_GE(alone, row.want) << row.name;
    EXPECT_LE(alone, row.want + 12s + 4 * gap) << row.name;
    world.check();
  }
}

TEST(RowSimulation, row16_a_time_that_cannot_be_meant_benches_nobody) {
  for (const char* fields : {"retry-after: soon\r\n", "retry-after: -5\r\n", "retry-after: 9999999999\r\n",
                             "retry-after-ms: 1e9\r\n", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"}) {
    World world(scripted(2));
    EXPECT_LE(left_alone(world, fields, 1s), Duration(10s)) << fields;
    world.check();
  }
}

TEST(RowSimulation, row17_a_spent_week_keeps_the_account_alone_until_its_reset) {
  World world(scripted(2));
  const auto reset = std::chrono::duration_cast<std::chrono::seconds>(world.loop().wall().time_since_epoch() + 80h);
  const Duration alone = left_alone(world,
                                    "retry-after: 1\r\nanthropic-ratelimit-unified-7d-status: "
                                    "rejected\r\nanthropic-ratelimit-unified-7d-reset: " +
                                        std::to_string(reset.count()) + "\r\n",
                                    2h);
  EXPECT_GE(alone, Duration(70h));
  EXPECT_LE(alone, Duration(90h));
  world.check();
}

TEST(RowSimulation, row22_ten_thousand_sessions_are_spread_over_all_accounts) {
  constexpr size_t kAccounts = 8;
  World world(scripted(kAccounts));
  for (size_t i = 0; i < kAccounts; ++i) world.upstreams.always(i, good());
  std::vector<Script> scripts;
  for (int i = 0; i < 10'000; ++i)
    scripts.push_back(
        call_at(std::chrono::milliseconds(5 * i), "x-claude-code-session-id: s" + std::to_string(i) + "\r\n"));
  world.play(scripts);
  std::array<double, kAccounts> count{};
  for (const Asked& one : world.upstreams.asked) count[one.account] += 1;
  double chi_square = 0;
  for (double one : count) chi_square += (one - 1250) * (one - 1250) / 1250;
  EXPECT_LT(chi_square, 24.3);  // 7 degrees of freedom, p = 0.001
  world.check();
}

TEST(RowSimulation, row23_one_busy_session_does_not_bury_its_account) {
  World world(scripted(4));
  Reply slow = good();
  slow.acts.front().after = 5s;
  for (size_t i = 0; i < 4; ++i) world.upstreams.always(i, slow);
  std::vector<Script> scripts;
  for (int i = 0; i < 200; ++i)
    scripts.push_back(call_at(std::chrono::milliseconds(10 * i), "x-claude-code-session-id: busy\r\n"));
  std::array<int64_t, 4> most{};
  world.on_turn = [&] {
    for (uint32_t i = 0; i < 4; ++i) most[i] = std::max(most[i], world.accounts().in_flight(i));
  };
  for (const Seen& one : world.play(scripts)) EXPECT_EQ(one.status, 200);
  EXPECT_LE(*std::ranges::max_element(most), 150);
  EXPECT_GE(*std::ranges::min_element(most), 5);
  world.check();
}

TEST(RowSimulation, row23_a_conversations_account_is_forgotten_after_its_ttl) {
  accounts::Bindings bindings(1h);
  const Instant start{1'000'000'000};
  bindings.bind(7, 3, start);
  EXPECT_EQ(bindings.find(7, start + 59min), 3u);
  EXPECT_FALSE(bindings.find(7, start + 59min + 2h).has_value());
}

}  // namespace
}  // namespace baton::simulation
