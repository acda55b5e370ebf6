#include "similar/memory_state.h"

#include <gtest/gtest.h>

#include "similar/memory.h"
#include "similar/weights.h"

namespace baton::similar {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::milliseconds(1'800'000'000'000)};
const Config kConfig{.rules = {{.mode = "on", .error_max = 0.2}}, .audit_share = 0};
constexpr Policy kOn{Mode::kOn, 0.2};

Name name_of(uint64_t number, uint64_t place = 0) {
  Name name{.key = {.low = number + place, .high = number << 40}};
  name.identity[0] = static_cast<uint8_t>(number);
  return name;
}

// A scope that has proved itself, with a question and its answer in it.
Found look(Memory& memory, const Name& scope, Instant now = Instant{1}) {
  memory.add(scope, *memory.read("How do I repair a chair?"), name_of(200));
  return memory.look(scope, *memory.read("how do i repair a chair"), kOn, 0.5, now);
}
void prove(Memory& memory, const Name& scope) {
  Found found = look(memory, scope);
  for (int i = 0; i < 40; ++i) memory.learn(scope, found, true, 0.2, Instant{1});
  ASSERT_EQ(look(memory, scope).result, model::SimilarResult::kServed);
}

class MemoryStateTest : public testing::Test {
 protected:
  Memory memory_{kConfig, built_in_weights()};
  std::string saved() { return memory_.save(Instant{1}, kNow); }
};

TEST_F(MemoryStateTest, what_was_proved_is_proved_after_a_restart_wherever_its_scope_lies_then) {
  prove(memory_, name_of(1));
  Memory after(kConfig, built_in_weights());
  ASSERT_EQ(look(after, name_of(1)).result, model::SimilarResult::kUnproved) << "a new process knows nothing";
  Memory restored(kConfig, built_in_weights());
  const auto scopes = restored.restore(saved(), Instant{9'000}, kNow + 1h);
  ASSERT_TRUE(scopes);
  EXPECT_EQ(*scopes, 1u);
  EXPECT_EQ(look(restored, name_of(1, 77)).result, model::SimilarResult::kServed) << "under another secret";
  EXPECT_EQ(look(restored, name_of(2)).result, model::SimilarResult::kUnproved) << "another scope";
  EXPECT_EQ(restored.totals().entries, 2u) << "questions are not kept";
}

TEST_F(MemoryStateTest, a_breaker_stays_off_for_the_rest_of_its_time) {
  const Name scope = name_of(1);
  prove(memory_, scope);
  Found found = look(memory_, scope);
  found.result = model::SimilarResult::kAudited;
  bool tripped = false;
  for (int i = 0; i < 50 && !tripped; ++i) tripped = memory_.learn(scope, found, false, 0.2, Instant{1});
  ASSERT_TRUE(tripped);
  EXPECT_GT(memory_.totals().wrong, 0u);
  Memory restored(kConfig, built_in_weights());
  const Instant start{5'000'000};
  ASSERT_TRUE(restored.restore(saved(), start, kNow + 20min));
  EXPECT_EQ(look(restored, scope, start).result, model::SimilarResult::kTripped);
  EXPECT_EQ(look(restored, scope, start + 39min).result, model::SimilarResult::kTripped);
  EXPECT_EQ(look(restored, scope, start + 41min).result, model::SimilarResult::kUnproved);
  EXPECT_EQ(restored.totals().wrong, memory_.totals().wrong) << "the audits' sums too";
  EXPECT_EQ(restored.totals().audited, memory_.totals().audited);
}

TEST_F(MemoryStateTest, what_was_restored_and_not_used_yet_is_saved_again) {
  prove(memory_, name_of(1));
  prove(memory_, name_of(2));
  Memory between(kConfig, built_in_weights());
  ASSERT_TRUE(between.restore(saved(), Instant{1}, kNow));
  look(between, name_of(2));
  Memory last(kConfig, built_in_weights());
  EXPECT_EQ(last.restore(between.save(Instant{1}, kNow), Instant{1}, kNow), 2u);
  EXPECT_EQ(look(last, name_of(1)).result, model::SimilarResult::kServed);
}

TEST_F(MemoryStateTest, a_file_that_is_not_whole_or_not_ours_teaches_nothing) {
  prove(memory_, name_of(1));
  const std::string good = saved();
  const Sha256 print = fingerprint(Embedder(built_in_weights()));
  const auto refused = [&](const std::string& text, WallTime now = kNow) {
    const auto state = state_from_text(text, print, now);
    return state ? std::string() : state.error().detail;
  };
  EXPECT_EQ(refused(good), "");
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 1;
    EXPECT_NE(refused(bad), "") << i;
    if (i % 7 == 0) EXPECT_NE(refused(good.substr(0, i)), "") << i;
  }
  EXPECT_NE(refused(good + "x"), "");
  EXPECT_EQ(refused(good, kNow + 32 * 24h), "it is more than a month old");
  EXPECT_EQ(refused(good, kNow - 48h), "it is more than a month old") << "nor is it from the future";
  Weights other = built_in_weights();
  for (auto& weight : other) weight = static_cast<uint8_t>(weight / 2 + 1);
  Memory retrained(kConfig, other);
  const auto taken = retrained.restore(good, Instant{1}, kNow);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().detail, "it was learnt under other tables or weights");
}

TEST_F(MemoryStateTest, no_more_scopes_are_saved_than_the_bound) {
  MemoryState state{.saved = kNow};
  state.scopes.resize(kSavedScopesMax + 5);
  const Sha256 print = fingerprint(Embedder(built_in_weights()));
  const std::string text = to_text(state, print);
  EXPECT_LT(text.size(), 2 * kMiB);
  const auto back = state_from_text(text, print, kNow);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->scopes.size(), kSavedScopesMax);
}

}  // namespace
}  // namespace baton::similar
