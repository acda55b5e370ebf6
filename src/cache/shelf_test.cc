#include "cache/shelf.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "cache/striped.h"

namespace baton::cache {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1'000'000'000'000};

Key key(uint64_t n) {
  n += 1;
  return {.low = n * 0x9e3779b97f4a7c15u, .high = n * 0xd1342543de82ef95u};
}

Shelf<std::string> shelf(uint64_t bytes_max) {
  return {PolicyKind::kValue, {.bytes_max = bytes_max, .entries_expected = 64}};
}

TEST(Shelf, gives_back_what_was_put_until_it_expires) {
  auto kept = shelf(10'000);
  Change change;
  EXPECT_TRUE(kept.put(key(1), "one", {.bytes = 3, .expires = kStart + 10s}, kStart).stored);
  ASSERT_NE(kept.find(key(1), kStart + 9s, change), nullptr);
  EXPECT_EQ(*kept.find(key(1), kStart + 9s, change), "one");
  EXPECT_EQ(kept.find(key(2), kStart, change), nullptr);
  EXPECT_EQ(kept.find(key(1), kStart + 10s, change), nullptr);
  EXPECT_EQ(change.expired, 1u);
  EXPECT_EQ(change.entries, -1);
  EXPECT_EQ(kept.bytes(), 0u);
}

TEST(Shelf, keys_that_share_half_their_bits_are_told_apart) {
  auto kept = shelf(10'000);
  Change change;
  kept.put({.low = 1, .high = 1}, "a", {.bytes = 1, .expires = kStart + 1s}, kStart);
  kept.put({.low = 1, .high = 2}, "b", {.bytes = 1, .expires = kStart + 1s}, kStart);
  EXPECT_EQ(*kept.find({.low = 1, .high = 1}, kStart, change), "a");
  EXPECT_EQ(*kept.find({.low = 1, .high = 2}, kStart, change), "b");
  EXPECT_EQ(kept.find({.low = 1, .high = 3}, kStart, change), nullptr);
}

TEST(Shelf, a_second_put_replaces_the_first_and_its_bytes) {
  auto kept = shelf(10'000);
  Change change;
  kept.put(key(1), "old", {.bytes = 500, .expires = kStart + 1s}, kStart);
  const Change second = kept.put(key(1), "new", {.bytes = 100, .expires = kStart + 1s}, kStart);
  EXPECT_EQ(*kept.find(key(1), kStart, change), "new");
  EXPECT_EQ(second.bytes, -400);
  EXPECT_EQ(second.entries, 0);
  EXPECT_EQ(kept.bytes(), 100 + kEntryOverheadBytes);
}

TEST(Shelf, what_is_larger_than_all_of_it_is_not_kept) {
  auto kept = shelf(1000);
  EXPECT_FALSE(kept.put(key(1), "x", {.bytes = 1000 - kEntryOverheadBytes + 1, .expires = kStart + 1s}, kStart).stored);
  EXPECT_TRUE(kept.put(key(1), "x", {.bytes = 1000 - kEntryOverheadBytes, .expires = kStart + 1s}, kStart).stored);
  EXPECT_EQ(kept.bytes(), 1000u);
}

TEST(Shelf, the_expired_go_also_when_nobody_asks_for_them) {
  auto kept = shelf(1'000'000);
  for (uint64_t n = 0; n < 100; ++n) kept.put(key(n), "x", {.bytes = 1, .expires = kStart + 1s}, kStart);
  EXPECT_EQ(kept.count(), 100u);
  for (uint64_t n = 1000; n < 1030; ++n) kept.put(key(n), "y", {.bytes = 1, .expires = kStart + 1h}, kStart + 2s);
  EXPECT_EQ(kept.count(), 30u);
}

TEST(Shelf, changes_add_up_to_what_is_there) {
  auto kept = shelf(20'000);
  int64_t bytes = 0, entries = 0;
  uint64_t evicted = 0;
  const auto add = [&](const Change& change) {
    bytes += change.bytes;
    entries += change.entries;
    evicted += change.evicted;
  };
  for (uint64_t n = 0; n < 2000; ++n) {
    const Instant now = kStart + Duration(n * 1'000'000);
    add(kept.put(key(n * 7919 % 300), "v", {.bytes = n % 700, .expires = now + 200ms}, now));
    Change change;
    kept.find(key(n * 31 % 300), now, change);
    add(change);
    if (n % 13 == 0) add(kept.erase(key(n % 300)));
    ASSERT_EQ(static_cast<int64_t>(kept.bytes()), bytes);
    ASSERT_EQ(static_cast<int64_t>(kept.count()), entries);
    ASSERT_LE(kept.bytes(), 20'000u);
  }
  EXPECT_GT(evicted, 100u);
}

TEST(Striped, is_cut_only_when_it_is_large_enough) {
  EXPECT_EQ(Striped<int>(PolicyKind::kLru, {.bytes_max = 1 * kMiB}).stripes(), 1u);
  EXPECT_EQ(Striped<int>(PolicyKind::kLru, {.bytes_max = 40 * kMiB}).stripes(), 4u);
  EXPECT_EQ(Striped<int>(PolicyKind::kLru, {.bytes_max = 1 * kGiB}).stripes(), kStripesMax);
}

TEST(Striped, many_threads_find_what_they_put) {
  Striped<std::shared_ptr<uint64_t>> kept(PolicyKind::kValue, {.bytes_max = 64 * kMiB, .entries_expected = 10'000});
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t n = 0; n < 2000; ++n) {
        const uint64_t mine = t * 1'000'000 + n;
        kept.put(key(mine), std::make_shared<uint64_t>(mine), {.bytes = 8, .expires = kStart + 1h}, kStart);
        Change change;
        auto found = kept.find(key(mine), kStart, change);
        if (found == nullptr || *found != mine) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(kept.bytes(), 8000 * (8 + kEntryOverheadBytes));
}

}  // namespace
}  // namespace baton::cache
