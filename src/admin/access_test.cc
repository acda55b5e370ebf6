#include "admin/access.h"

#include <gtest/gtest.h>

namespace baton::admin {
namespace {

using namespace std::chrono_literals;

const std::string kReader(40, 'r');
const std::string kOperator(40, 'o');

struct Rig {
  Access access{std::vector<TokenConfig>{{"viewer", Secret(kReader), Role::kRead},
                                         {"chief", Secret(kOperator), Role::kOperate},
                                         {"nobody", Secret(""), Role::kOperate}}};
  Instant now{1'000'000'000};
  std::expected<const Caller*, Denied> ask(std::optional<std::string> field, std::string_view peer = "127.0.0.1") {
    std::optional<std::string_view> view;
    if (field) view = *field;
    return access.admit(view, peer, now);
  }
};

TEST(Access, knows_its_tokens_and_no_others) {
  struct {
    const char* name;
    std::optional<std::string> field;
    const char* want;  // who, or null for 401
  } const cases[] = {
      {"a reader", "Bearer " + kReader, "viewer"},
      {"an operator", "Bearer " + kOperator, "chief"},
      {"any case", "bearer " + kOperator, "chief"},
      {"more blanks", "Bearer   " + kOperator + " ", "chief"},
      {"nothing", std::nullopt, nullptr},
      {"empty", "", nullptr},
      {"no token", "Bearer ", nullptr},
      {"no scheme", kOperator, nullptr},
      {"another scheme", "Basic " + kOperator, nullptr},
      {"cut", "Bearer " + kOperator.substr(1), nullptr},
      {"longer", "Bearer " + kOperator + "o", nullptr},
      {"far too long", "Bearer " + std::string(1'000'000, 'o'), nullptr},
      {"injection", "Bearer ' OR 1=1--", nullptr},
      {"a wildcard", "Bearer %", nullptr},
      {"two", "Bearer " + kOperator + "," + kOperator, nullptr},
  };
  for (const auto& c : cases) {
    Rig rig;
    auto got = rig.ask(c.field);
    ASSERT_EQ(got.has_value(), c.want != nullptr) << c.name;
    if (got) {
      EXPECT_EQ((*got)->name, c.want) << c.name;
    } else {
      EXPECT_EQ(got.error().status, 401) << c.name;
    }
  }
}

TEST(Access, no_token_and_a_wrong_one_get_the_same_answer) {
  Rig rig;
  EXPECT_EQ(rig.ask(std::nullopt).error().sentence, rig.ask("Bearer wrong").error().sentence);
}

TEST(Access, wrong_tokens_of_a_network_are_slowed_down_and_right_ones_are_not) {
  Rig rig;
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(rig.ask("Bearer wrong", "192.0.2." + std::to_string(i)).error().status, 401) << i;
  auto refused = rig.ask("Bearer wrong", "192.0.2.200");
  EXPECT_EQ(refused.error().status, 429);
  EXPECT_GT(refused.error().retry_after, 0s);
  EXPECT_TRUE(rig.ask("Bearer " + kReader, "192.0.2.200"));
  EXPECT_EQ(rig.ask("Bearer wrong", "192.0.3.1").error().status, 401) << "another network";
  EXPECT_EQ(rig.ask("Bearer wrong", "2001:db8::1").error().status, 401);
  rig.now = rig.now + 3s;
  EXPECT_EQ(rig.ask("Bearer wrong", "192.0.2.1").error().status, 401) << "one more after three seconds";
  EXPECT_EQ(rig.ask("Bearer wrong", "192.0.2.1").error().status, 429);
  EXPECT_EQ(rig.access.wrong_tokens(), 25u);
}

TEST(Access, an_ipv6_network_is_a_64) {
  Rig rig;
  for (int i = 0; i < 20; ++i) (void)rig.ask("Bearer wrong", "2001:db8:0:1::" + std::to_string(i + 1));
  EXPECT_EQ(rig.ask("Bearer wrong", "2001:db8:0:1:ffff::1").error().status, 429);
  EXPECT_EQ(rig.ask("Bearer wrong", "2001:db8:0:2::1").error().status, 401);
}

TEST(Access, networks_beyond_the_bound_share_one_count) {
  Rig rig;
  const auto peer = [](int i) { return std::to_string(i / 256 + 1) + "." + std::to_string(i % 256) + ".0.1"; };
  for (int i = 0; i < static_cast<int>(kNetworksMax); ++i) (void)rig.ask("Bearer wrong", peer(i));
  int refused = 0;
  for (int i = 0; i < 40; ++i) refused += rig.ask("Bearer wrong", peer(2000 + i)).error().status == 429;
  EXPECT_EQ(refused, 20);
  rig.now = rig.now + 2min;
  EXPECT_EQ(rig.ask("Bearer wrong", peer(3000)).error().status, 401) << "those that were quiet are forgotten";
}

TEST(Access, a_token_may_call_so_often_and_no_more) {
  Rig rig;
  for (int i = 0; i < static_cast<int>(kCallsAtOnce); ++i) ASSERT_TRUE(rig.ask("Bearer " + kReader)) << i;
  EXPECT_EQ(rig.ask("Bearer " + kReader).error().status, 429);
  EXPECT_TRUE(rig.ask("Bearer " + kOperator)) << "another token has its own";
  rig.now = rig.now + 1s;
  for (int i = 0; i < static_cast<int>(kCallsPerSecond); ++i) ASSERT_TRUE(rig.ask("Bearer " + kReader)) << i;
  EXPECT_FALSE(rig.ask("Bearer " + kReader));
}

}  // namespace
}  // namespace baton::admin
