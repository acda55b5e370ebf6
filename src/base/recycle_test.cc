#include "base/recycle.h"

#include <gtest/gtest.h>

#include <vector>

namespace baton {
namespace {

TEST(Recycle, room_comes_back_empty_and_within_its_bounds) {
  std::string text = take_string();
  text.assign(5000, 'x');
  const char* place = text.data();
  give_string(text);
  EXPECT_TRUE(text.empty());
  std::string again = take_string();
  EXPECT_TRUE(again.empty());
  EXPECT_GE(again.capacity(), 5000u);
  again.push_back('y');
  EXPECT_EQ(again.data(), place);
  give_string(again);

  std::string large(kRoomKept + 1, 'x');
  give_string(large);
  EXPECT_LT(large.capacity(), 100u) << "more than the bound is freed at once";

  std::vector<std::string> many(2 * kStringsKept);
  for (auto& one : many) one.assign(100, 'z');
  for (auto& one : many) give_string(one);
  size_t with_room = 0;
  for (size_t i = 0; i < 2 * kStringsKept; ++i) with_room += take_string().capacity() >= 100 ? 1 : 0;
  EXPECT_EQ(with_room, kStringsKept);
}

}  // namespace
}  // namespace baton
