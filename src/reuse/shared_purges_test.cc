#include "reuse/shared_purges.h"

#include <gtest/gtest.h>

namespace baton::reuse {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kWall{1'800'000'000'000ms};
const SharedCodec& codec() {
  static const SharedCodec one("a secret of thirty-two characters");
  return one;
}

struct Of : KeptReply {
  explicit Of(std::string_view whose) { tenant = whose; }
};
Of of(std::string_view tenant) { return Of(tenant); }

// Redis's list, as the scripts keep it.
struct List {
  PurgePoint point{.epoch = 5};
  std::vector<std::string> sealed;
  PurgePoint add(const Selection& what, WallTime at = kWall) {
    sealed.push_back(codec().seal_purge({Chosen(what), at}));
    if (sealed.size() > kPurgesKept) sealed.erase(sealed.begin());
    ++point.sequence;
    return point;
  }
  std::vector<Chosen> told_to(SharedPurges& purges) const { return purges.learn(point, sealed, codec(), kWall - 1h); }
};

TEST(SharedPurges, what_was_asked_for_before_a_purge_does_not_come_back_and_what_came_after_stays) {
  SharedPurges purges;
  EXPECT_FALSE(purges.allows(of("ann"), {})) << "the list is not known yet";
  List list;
  EXPECT_TRUE(list.told_to(purges).empty());
  const PurgePoint before = purges.point();
  EXPECT_TRUE(purges.allows(of("ann"), before));
  list.add({.tenant = "ann"});
  EXPECT_EQ(list.told_to(purges), std::vector{Chosen({.tenant = "ann"})});
  EXPECT_TRUE(list.told_to(purges).empty()) << "once";
  EXPECT_FALSE(purges.allows(of("ann"), before));
  EXPECT_TRUE(purges.allows(of("bob"), before));
  EXPECT_TRUE(purges.allows(of("ann"), purges.point()));
  PurgePoint ahead = purges.point();
  ++ahead.sequence;
  EXPECT_FALSE(purges.allows(of("bob"), ahead)) << "its relay knows a purge that is not known here";
}

TEST(SharedPurges, one_s_own_counts_at_once_and_is_not_carried_out_twice) {
  SharedPurges purges;
  List list;
  (void)list.told_to(purges);
  const PurgePoint before = purges.point();
  purges.add({.tenant = "ann"});
  purges.add({});
  EXPECT_FALSE(purges.allows(of("ann"), before)) << "Redis does not know it yet";
  ASSERT_TRUE(purges.waiting());
  const auto waiting = *purges.waiting();
  EXPECT_EQ(waiting.what.tenant, "ann");
  purges.told(waiting.number, list.add(waiting.what.selection()));
  EXPECT_FALSE(purges.waiting());
  EXPECT_FALSE(purges.allows(of("ann"), before));
  EXPECT_TRUE(purges.allows(of("ann"), list.point));
  EXPECT_TRUE(list.told_to(purges).empty());
}

TEST(SharedPurges, another_s_before_one_s_own_is_carried_out) {
  SharedPurges purges;
  List list;
  (void)list.told_to(purges);
  list.add({.tenant = "bob"});
  purges.add({.tenant = "ann"});
  purges.told(purges.waiting()->number, list.add({.tenant = "ann"}));
  const auto fresh = list.told_to(purges);
  ASSERT_FALSE(fresh.empty());
  EXPECT_EQ(fresh[0], Chosen({.tenant = "bob"}));
  EXPECT_EQ(purges.point(), list.point);
}

TEST(SharedPurges, a_lost_list_leaves_nothing_usable_from_before) {
  SharedPurges purges;
  List list;
  list.add({.tenant = "ann"});
  (void)list.told_to(purges);
  const PurgePoint before = purges.point();
  List other{.point = {.epoch = 6}};
  other.add({.tenant = "eve"});
  EXPECT_EQ(other.told_to(purges), std::vector{Chosen({.tenant = "eve"})});
  EXPECT_FALSE(purges.allows(of("bob"), before));
  EXPECT_TRUE(purges.allows(of("bob"), purges.point()));
}

TEST(SharedPurges, what_the_list_does_not_hold_any_more_takes_all) {
  List list;
  SharedPurges behind;
  (void)list.told_to(behind);
  const PurgePoint before = behind.point();
  for (size_t i = 0; i <= kPurgesKept; ++i) list.add({.tenant = "t" + std::to_string(i)});
  EXPECT_EQ(list.told_to(behind), std::vector{Chosen({.all = true})});
  EXPECT_FALSE(behind.allows(of("nobody"), before));
  EXPECT_TRUE(behind.allows(of("nobody"), {.epoch = 5, .sequence = 1}));
  EXPECT_FALSE(behind.allows(of("t1"), {.epoch = 5, .sequence = 1}));
}

TEST(SharedPurges, one_who_begins_carries_out_what_may_concern_replies_that_are_still_kept) {
  List list;
  for (size_t i = 0; i <= kPurgesKept; ++i) list.add({.tenant = "long ago"}, kWall - 2h);
  list.add({.tenant = "ann"});
  SharedPurges purges;
  EXPECT_EQ(list.told_to(purges), std::vector{Chosen({.tenant = "ann"})});
}

TEST(SharedPurges, an_entry_that_nobody_of_ours_wrote_takes_all) {
  List list;
  SharedPurges purges;
  (void)list.told_to(purges);
  list.add({.tenant = "ann"});
  list.sealed.back() = "garbage";
  EXPECT_EQ(list.told_to(purges), std::vector{Chosen({.all = true})});
}

TEST(SharedPurges, too_many_that_wait_become_one_that_takes_all) {
  SharedPurges purges;
  for (size_t i = 0; i < kPurgesWaiting; ++i) purges.add({.tenant = "ann"});
  const uint64_t first = purges.waiting()->number;
  EXPECT_EQ(purges.waiting_count(), kPurgesWaiting);
  purges.add({.tenant = "bob"});
  EXPECT_EQ(purges.waiting_count(), 1u);
  EXPECT_TRUE(purges.waiting()->what.all);
  purges.told(first, {.epoch = 5, .sequence = 1});
  EXPECT_TRUE(purges.waiting()) << "that was another one";
}

}  // namespace
}  // namespace baton::reuse
