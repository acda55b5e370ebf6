// Every policy against the promises that all of them make; S3-FIFO and LRU against slow twins; the bounds of what they
// are made of.
#include "cache/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <set>

#include "cache/detail/ghost.h"
#include "cache/detail/index.h"
#include "cache/frequency_sketch.h"
#include "cache/s3fifo.h"
#include "cache/tinylfu.h"

namespace baton::cache {
namespace {

struct Draw {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t n) { return next() % n; }
};

uint64_t mixed(uint64_t key) { return Draw{key}.next(); }

// Gives slots out and holds what a policy says is there.
struct Owner {
  explicit Owner(PolicyKind kind, uint64_t bytes_max)
      : Owner(make_policy(kind, {.bytes_max = bytes_max, .entries_expected = 64})) {}
  explicit Owner(std::unique_ptr<Policy> with) : policy(std::move(with)) {}

  bool ask(uint64_t key, uint64_t bytes = 1, double worth = 1) {
    if (auto found = slots.find(key); found != slots.end()) {
      policy->hit(found->second);
      return true;
    }
    Slot slot = static_cast<Slot>(keys.size());
    if (!free.empty()) {
      slot = free.back();
      free.pop_back();
    } else {
      keys.emplace_back();
      sizes.emplace_back();
    }
    keys[slot] = key;
    sizes[slot] = bytes;
    slots[key] = slot;
    std::vector<Slot> gone;
    policy->admit(slot, {.key = mixed(key), .bytes = bytes, .worth = worth}, gone);
    for (Slot one : gone) {
      EXPECT_EQ(slots.erase(keys[one]), 1u) << "evicted what was not there";
      free.push_back(one);
    }
    return false;
  }
  void remove(uint64_t key) {
    policy->remove(slots.at(key));
    free.push_back(slots.at(key));
    slots.erase(key);
  }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& [key, slot] : slots) sum += sizes[slot];
    return sum;
  }

  std::unique_ptr<Policy> policy;
  std::map<uint64_t, Slot> slots;
  std::vector<uint64_t> keys, sizes;
  std::vector<Slot> free;
};

constexpr PolicyKind kAll[] = {PolicyKind::kValue, PolicyKind::kS3Fifo, PolicyKind::kTinyLfu, PolicyKind::kLru};

TEST(Policy, names_are_read_back) {
  for (PolicyKind kind : kAll) EXPECT_EQ(parse_policy(name(kind)), kind);
  EXPECT_EQ(parse_policy("fifo"), std::nullopt);
}

TEST(Policy, whatever_is_asked_the_bytes_stay_within_the_bound_and_are_those_of_what_is_there) {
  for (PolicyKind kind : kAll) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      Draw draw{seed};
      const uint64_t bytes_max = 50 + draw.below(500);
      Owner owner(kind, bytes_max);
      uint64_t fullest = 0;
      for (int i = 0; i < 5000; ++i) {
        const uint64_t key = draw.below(10) < 7 ? draw.below(20) : draw.below(400);
        if (draw.below(20) == 0 && owner.slots.contains(key)) {
          owner.remove(key);
        } else {
          owner.ask(key, 1 + mixed(key) % 50, 1.0 + static_cast<double>(key % 7));
        }
        ASSERT_LE(owner.policy->bytes(), bytes_max) << name(kind) << " seed " << seed;
        ASSERT_EQ(owner.policy->bytes(), owner.bytes()) << name(kind) << " seed " << seed;
        fullest = std::max(fullest, owner.policy->bytes());
      }
      EXPECT_GT(fullest, bytes_max / 2) << name(kind);
    }
  }
}

TEST(Policy, one_entry_as_large_as_all_the_room_displaces_everything_or_is_refused) {
  for (PolicyKind kind : kAll) {
    Owner owner(kind, 100);
    for (uint64_t key = 0; key < 10; ++key) owner.ask(key, 10);
    owner.ask(99, 100);
    EXPECT_EQ(owner.policy->bytes(), owner.bytes()) << name(kind);
    EXPECT_TRUE(owner.slots.size() == 1 || !owner.slots.contains(99)) << name(kind);
  }
}

TEST(Policy, lru_keeps_what_its_twin_keeps) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Draw draw{seed};
    Owner owner(PolicyKind::kLru, 12);
    std::list<uint64_t> twin;  // newest in front
    for (int i = 0; i < 2000; ++i) {
      const uint64_t key = draw.below(30);
      auto at = std::ranges::find(twin, key);
      const bool there = at != twin.end();
      if (there) twin.erase(at);
      twin.push_front(key);
      if (twin.size() > 12) twin.pop_back();
      ASSERT_EQ(owner.ask(key), there) << "seed " << seed << " step " << i;
    }
  }
}

// S3-FIFO as its paper tells it, for entries of one byte.
struct S3Twin {
  struct Entry {
    uint64_t key;
    int uses;
  };
  size_t room, small_room;
  std::deque<Entry> small, main;  // oldest in front
  std::deque<uint64_t> ghost;
  size_t ghost_room;

  explicit S3Twin(size_t all)
      : room(all), small_room(all / 10), ghost_room(static_cast<size_t>(static_cast<double>(all) * 0.9)) {}

  bool ask(uint64_t key) {
    for (auto* queue : {&small, &main}) {
      for (Entry& entry : *queue) {
        if (entry.key != key) continue;
        ++entry.uses;
        return true;
      }
    }
    auto remembered = std::ranges::find(ghost, key);
    const bool was_here = remembered != ghost.end();
    if (was_here) ghost.erase(remembered);
    while (small.size() + main.size() >= room) evict();
    (was_here ? main : small).push_back({key, 0});
    return false;
  }
  void evict() {
    if (main.size() <= room - small_room) {
      while (!small.empty()) {
        const Entry oldest = small.front();
        small.pop_front();
        if (oldest.uses >= 2) {
          main.push_back({oldest.key, 0});
          continue;
        }
        ghost.push_back(oldest.key);
        if (ghost.size() > ghost_room) ghost.pop_front();
        return;
      }
    }
    while (true) {
      Entry oldest = main.front();
      main.pop_front();
      if (oldest.uses == 0) return;
      main.push_back({oldest.key, std::min(oldest.uses, 3) - 1});
    }
  }
};

TEST(Policy, s3fifo_keeps_what_its_twin_keeps) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Draw draw{seed};
    const size_t room = 10 + draw.below(40);
    Owner owner(std::make_unique<S3Fifo>(S3Fifo::Options{.bytes_max = room, .ghost_keys_max = 1000}));
    S3Twin twin(room);
    for (int i = 0; i < 4000; ++i) {
      const uint64_t key = std::min(draw.below(120), draw.below(120));
      ASSERT_EQ(owner.ask(key), twin.ask(key)) << "seed " << seed << " step " << i;
    }
  }
}

TEST(Policy, by_value_what_is_worth_little_for_its_bytes_goes_first) {
  Owner owner(PolicyKind::kValue, 1000);
  // All come into the main queue: twice asked.
  for (uint64_t key = 0; key < 100; ++key) {
    owner.ask(key, 10, key < 50 ? 100.0 : 1.0);
    owner.ask(key, 10);
  }
  for (uint64_t key = 1000; key < 1040; ++key) {
    owner.ask(key, 10, 50.0);
    owner.ask(key, 10);
  }
  size_t dear = 0, cheap = 0;
  for (const auto& [key, slot] : owner.slots) (key < 50 ? dear : cheap) += key < 100 ? 1 : 0;
  EXPECT_GT(dear, 40u);
  EXPECT_LT(cheap, dear);
}

TEST(Policy, what_nobody_asks_for_again_does_not_displace_what_is_used) {
  for (PolicyKind kind : {PolicyKind::kValue, PolicyKind::kS3Fifo, PolicyKind::kTinyLfu}) {
    Owner owner(kind, 100);
    for (int round = 0; round < 20; ++round) {
      for (uint64_t key = 0; key < 50; ++key) owner.ask(key);
    }
    for (uint64_t key = 1000; key < 3000; ++key) owner.ask(key);
    size_t left = 0;
    for (uint64_t key = 0; key < 50; ++key) left += owner.slots.contains(key);
    EXPECT_GE(left, 45u) << name(kind);
  }
}

TEST(Policy, the_window_of_tinylfu_moves_within_its_limits) {
  Owner owner(std::make_unique<TinyLfu>(100, 100));
  const auto& policy = static_cast<TinyLfu&>(*owner.policy);
  EXPECT_EQ(policy.window_bytes_max(), 1u);
  std::set<uint64_t> seen;
  // Everything is asked for twice in a short while and never again.
  for (uint64_t i = 0; i < 100'000; ++i) {
    owner.ask(i % 2 == 0 ? i : i > 41 ? i - 41 : i);
    seen.insert(policy.window_bytes_max());
  }
  EXPECT_GT(seen.size(), 5u);
  EXPECT_GE(*seen.begin(), 1u);
  EXPECT_LE(*seen.rbegin(), 80u);
}

TEST(Ghost, keeps_within_its_bytes_and_keys_and_forgets_the_oldest_first) {
  detail::Ghost ghost(100, 5);
  for (uint64_t key = 1; key <= 8; ++key) ghost.remember(key, 10);
  EXPECT_EQ(ghost.count(), 5u);
  EXPECT_FALSE(ghost.forget(3));
  EXPECT_TRUE(ghost.forget(4));
  ghost.remember(20, 70);
  EXPECT_EQ(ghost.bytes(), 100u) << "6, 7, 8 and the large one";
  EXPECT_FALSE(ghost.forget(5));
  ghost.remember(21, 101);
  EXPECT_FALSE(ghost.forget(21)) << "larger than the bound";
}

TEST(Ghost, holds_what_a_slow_twin_holds) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Draw draw{seed};
    detail::Ghost ghost(60, 40);
    std::deque<std::pair<uint64_t, uint64_t>> twin;
    const auto bytes = [&] {
      uint64_t sum = 0;
      for (auto& one : twin) sum += one.second;
      return sum;
    };
    for (int i = 0; i < 3000; ++i) {
      const uint64_t key = mixed(draw.below(80)), size = 1 + draw.below(4);
      auto at = std::ranges::find(twin, key, &std::pair<uint64_t, uint64_t>::first);
      const bool there = at != twin.end();
      if (draw.below(3) == 0) {
        ASSERT_EQ(ghost.forget(key), there);
        if (there) twin.erase(at);
      } else {
        ghost.remember(key, size);
        if (there) twin.erase(at);
        while (bytes() + size > 60 || twin.size() >= 40) twin.pop_front();
        twin.emplace_back(key, size);
      }
      ASSERT_EQ(ghost.count(), twin.size());
      ASSERT_EQ(ghost.bytes(), bytes());
    }
  }
}

TEST(Index, finds_what_a_map_finds_also_when_hashes_collide) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Draw draw{seed};
    detail::Index index;
    std::map<uint32_t, uint64_t> there;  // value to hash
    for (int i = 0; i < 5000; ++i) {
      const auto value = static_cast<uint32_t>(draw.below(300));
      const uint64_t hash = seed % 2 == 0 ? value % 7 : mixed(value);  // few hashes: long runs
      if (there.contains(value)) {
        index.erase(hash, value);
        there.erase(value);
      } else {
        index.insert(hash, value);
        there[value] = hash;
      }
      const auto probe = static_cast<uint32_t>(draw.below(300));
      const uint64_t probe_hash = seed % 2 == 0 ? probe % 7 : mixed(probe);
      const uint32_t found = index.find(probe_hash, [&](uint32_t one) { return one == probe; });
      ASSERT_EQ(found != detail::Index::kNone, there.contains(probe)) << "seed " << seed << " step " << i;
      ASSERT_EQ(index.count(), there.size());
    }
  }
}

TEST(FrequencySketch, never_counts_too_low_before_it_ages_and_halves_afterwards) {
  FrequencySketch sketch(1024);
  for (uint64_t key = 0; key < 100; ++key) {
    for (uint64_t i = 0; i < key % 20; ++i) sketch.count(mixed(key));
  }
  size_t exact = 0;
  for (uint64_t key = 0; key < 100; ++key) {
    const auto real = static_cast<uint32_t>(std::min<uint64_t>(key % 20, FrequencySketch::kMax));
    EXPECT_GE(sketch.frequency(mixed(key)), real);
    exact += sketch.frequency(mixed(key)) == real;
  }
  EXPECT_GE(exact, 90u);
  FrequencySketch ageing(16);
  for (int i = 0; i < 15; ++i) ageing.count(mixed(1));
  const uint32_t before = ageing.frequency(mixed(1));
  for (uint64_t key = 100; key < 400; ++key) ageing.count(mixed(key));
  EXPECT_LT(ageing.frequency(mixed(1)), before);
}

}  // namespace
}  // namespace baton::cache
