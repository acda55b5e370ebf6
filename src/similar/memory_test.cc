#include "similar/memory.h"

#include <gtest/gtest.h>

#include "similar/trainer.h"

namespace baton::similar {
namespace {

using namespace std::chrono_literals;
using model::SimilarResult;

constexpr Policy kOn{Mode::kOn, 0.2};

Name named(uint64_t number) {
  Name name;
  name.key = {.low = number * 0x9e3779b97f4a7c15u, .high = number * 0xbf58476d1ce4e5b9u};
  name.identity[0] = static_cast<uint8_t>(number);
  name.identity[1] = static_cast<uint8_t>(number >> 8);
  name.identity[2] = static_cast<uint8_t>(number >> 16);
  return name;
}

Question asked(const Memory& memory, std::string_view text) { return *memory.read(text); }

TEST(MemoryTest, a_question_is_found_in_other_words_and_only_in_its_scope) {
  Memory memory({}, built_in_weights());
  memory.add(named(1), asked(memory, "How do I repair a wooden chair?"), named(10));
  const Question other = asked(memory, "how to repair a wooden chair");
  const Found found = memory.look(named(1), other, kOn, 0.5, {});
  EXPECT_EQ(found.result, SimilarResult::kUnproved);
  EXPECT_EQ(found.answer, named(10));
  EXPECT_EQ(found.likeness, Likeness::kContent);
  EXPECT_GT(found.similarity, 0.9f);
  EXPECT_EQ(memory.look(named(2), other, kOn, 0.5, {}).result, SimilarResult::kNone);
  Name impostor = named(1);
  impostor.identity[5] = 1;
  EXPECT_EQ(memory.look(impostor, other, kOn, 0.5, {}).result, SimilarResult::kNone);
  memory.add(impostor, other, named(11));
  EXPECT_EQ(memory.totals().scopes, 1u);
}

TEST(MemoryTest, the_most_alike_is_taken_before_the_nearest) {
  Memory memory({.similarity_min = 0}, built_in_weights());
  memory.add(named(1), asked(memory, "How can I repair a wooden chair"), named(10));
  memory.add(named(1), asked(memory, "how do i repair a wooden CHAIR"), named(11));
  memory.add(named(1), asked(memory, "how to repair a wooden chair"), named(12));
  const Found found = memory.look(named(1), asked(memory, "How do I repair a wooden chair?"), kOn, 0.5, {});
  EXPECT_EQ(found.likeness, Likeness::kSpelling);
  EXPECT_EQ(found.answer, named(11));
}

TEST(MemoryTest, the_decision_follows_proof_policy_and_chance) {
  Memory memory({.audit_share = 0.1}, built_in_weights());
  memory.add(named(1), asked(memory, "How do I repair a chair?"), named(10));
  const Question same = asked(memory, "how do i repair a chair");
  const auto result = [&](Policy policy, double chance, Instant now = {}) {
    return memory.look(named(1), same, policy, chance, now).result;
  };
  const Found found = memory.look(named(1), same, kOn, 0.5, {});
  for (int i = 0; i < 21; ++i) {
    EXPECT_EQ(result(kOn, 0.5), SimilarResult::kUnproved) << i;
    EXPECT_FALSE(memory.learn(named(1), found, true, 0.2, {}));
  }
  EXPECT_EQ(result(kOn, 0.5), SimilarResult::kServed);
  EXPECT_EQ(result(kOn, 0.09), SimilarResult::kAudited);
  EXPECT_EQ(result({Mode::kShadow, 0.2}, 0.5), SimilarResult::kShadow);
  EXPECT_EQ(result({Mode::kOn, 0.05}, 0.5), SimilarResult::kUnproved) << "a stricter rule";
  EXPECT_EQ(memory.totals().audited, 0u);
  Found audited = memory.look(named(1), same, kOn, 0.0, {});
  int wrong = 0;
  while (!memory.learn(named(1), audited, false, 0.2, {}) && wrong < 20) ++wrong;
  EXPECT_LT(wrong, 10);
  EXPECT_EQ(result(kOn, 0.5), SimilarResult::kTripped);
  EXPECT_EQ(result(kOn, 0.5, Instant{} + 2h), SimilarResult::kUnproved);
  EXPECT_EQ(memory.totals().wrong, memory.totals().audited);
}

TEST(MemoryTest, texts_that_are_far_apart_are_not_served_though_nothing_tells_them_apart) {
  Memory memory({.similarity_min = 0.999}, built_in_weights());
  memory.add(named(1), asked(memory, "How do I repair a chair?"), named(10));
  EXPECT_EQ(memory.look(named(1), asked(memory, "Could you tell me how to repair the chair"), kOn, 0.5, {}).result,
            SimilarResult::kFar);
}

TEST(MemoryTest, a_guard_is_named_for_the_nearest) {
  Memory memory({}, built_in_weights());
  memory.add(named(1), asked(memory, "How do I repair 3 wooden chairs?"), named(10));
  const Found found = memory.look(named(1), asked(memory, "How do I repair 4 wooden chairs?"), kOn, 0.5, {});
  EXPECT_EQ(found.result, SimilarResult::kGuarded);
  EXPECT_EQ(found.guard, model::SimilarGuard::kNumber);
  EXPECT_FALSE(found.teaches());
  EXPECT_EQ(memory.look(named(1), asked(memory, "Name every king of Siam"), kOn, 0.5, {}).result, SimilarResult::kNone);
}

TEST(MemoryTest, a_scope_keeps_its_newest_and_forgets_what_is_gone) {
  Memory memory({.scope_entries_max = 3}, built_in_weights());
  const auto text = [](int i) { return "How do I repair a chair number " + std::to_string(i); };
  for (int i = 0; i < 5; ++i) memory.add(named(1), asked(memory, text(i)), named(static_cast<uint64_t>(10 + i)));
  EXPECT_EQ(memory.totals().entries, 3u);
  const auto result = [&](int i) { return memory.look(named(1), asked(memory, text(i) + "?"), kOn, 0.5, {}).result; };
  for (int i : {0, 1}) EXPECT_EQ(result(i), SimilarResult::kGuarded) << i;
  for (int i : {2, 3, 4}) EXPECT_EQ(result(i), SimilarResult::kUnproved) << i;
  memory.add(named(1), asked(memory, text(4)), named(14));
  EXPECT_EQ(memory.totals().entries, 3u) << "the same answer to the same words is there once";
  memory.forget(named(1), named(13));
  memory.forget(named(1), named(99));
  EXPECT_EQ(memory.totals().entries, 2u);
  EXPECT_EQ(result(3), SimilarResult::kGuarded);
  for (int i : {2, 4}) EXPECT_EQ(result(i), SimilarResult::kUnproved) << i;
  for (int i = 20; i < 40; ++i) {
    memory.add(named(1), asked(memory, text(i)), named(static_cast<uint64_t>(i)));
    EXPECT_LE(memory.totals().entries, 3u);
    EXPECT_EQ(result(i), SimilarResult::kUnproved) << i;
  }
}

TEST(MemoryTest, all_together_stay_within_their_bytes) {
  Memory memory({.bytes_max = 1 * kMiB}, built_in_weights());
  const Question one = asked(memory, "How do I repair a chair?");
  for (uint64_t i = 1; i <= 4000; ++i) {
    memory.add(named(i), one, named(i));
    ASSERT_LE(memory.totals().bytes, 1 * kMiB);
  }
  const auto totals = memory.totals();
  EXPECT_GT(totals.scopes, 300u);
  EXPECT_LT(totals.scopes, 4000u);
  EXPECT_EQ(totals.entries, totals.scopes);
  EXPECT_EQ(memory.look(named(4000), one, kOn, 0.5, {}).result, SimilarResult::kUnproved) << "the newest is there";
  EXPECT_EQ(memory.look(named(1), one, kOn, 0.5, {}).result, SimilarResult::kNone);
}

TEST(PolicyTest, the_first_rule_that_fits_decides) {
  Config config;
  config.rules = {{.models = {"claude-opus*"}, .mode = "off"},
                  {.clients = {"faq"}, .teams = {"web*"}, .mode = "on", .error_max = 0.01},
                  {.clients = {"faq"}}};
  EXPECT_EQ(policy_of(config, "claude-opus-5", "faq", "web-1").mode, Mode::kOff);
  EXPECT_EQ(policy_of(config, "claude-haiku", "faq", "web-1").mode, Mode::kOn);
  EXPECT_EQ(policy_of(config, "claude-haiku", "faq", "web-1").error_max, 0.01);
  EXPECT_EQ(policy_of(config, "claude-haiku", "faq", "").mode, Mode::kShadow);
  EXPECT_EQ(policy_of(config, "claude-haiku", "else", "").mode, Mode::kOff);
}

TEST(JudgeTest, rather_says_no) {
  const Embedder embedder(built_in_weights());
  struct Row {
    std::string_view a, b;
    std::optional<bool> want;
  };
  const Row kTable[] = {
      {"Yes.", "Yes.", true},
      {"Use  glue.", "Use glue. ", true},
      {"Paris is the capital of France.", "The capital of France is Paris.", true},
      {"It takes 5 days.", "It takes 6 days.", false},
      {"You can not do that.", "You can do that.", false},
      {"Turn it on.", "Turn it off.", false},
      {"Lyon lies on the Rhone and eats well.", "Quito lies high in the Andes of Ecuador.", false},
      {"Yes.", "Yes, and here is why that has always been so and will remain so for long.", false},
      {"", "Yes.", std::nullopt},
  };
  for (const Row& row : kTable) EXPECT_EQ(say_the_same(row.a, row.b, embedder), row.want) << row.a << " | " << row.b;
  EXPECT_EQ(say_the_same(std::string(kAnswerBytesMax + 1, 'a'), "a", embedder), std::nullopt);
}

TEST(TrainerTest, the_built_in_weights_are_what_the_trainer_makes) {
  const auto corpus = make_corpus(kCorpusSeed, kCorpusPairs);
  EXPECT_EQ(corpus.size(), kCorpusPairs);
  EXPECT_EQ(packed(train(corpus)), built_in_text()) << "`./dev bench similar --train` writes it anew";
}

TEST(TrainerTest, ways_to_ask_come_to_count_less_than_what_is_asked_for) {
  Weights all_alike;
  all_alike.fill(kUsualWeight);
  const Embedder untrained(all_alike), trained(built_in_weights());
  const auto near = [](const Embedder& embedder, std::string_view a, std::string_view b) {
    std::u32string plain[2];
    facts_of(a, &plain[0]);
    facts_of(b, &plain[1]);
    return nearness(embedder.embed(plain[0]), embedder.embed(plain[1]));
  };
  // Words that are not in the generated texts.
  const char *one = "how do i frobnicate a zeppelin", *same = "could you tell me how to frobnicate a zeppelin",
             *other = "how do i defenestrate a marmot";
  EXPECT_GT(near(trained, one, same), near(untrained, one, same) + 0.1f);
  EXPECT_LT(near(trained, one, other), near(untrained, one, other) - 0.1f);
  EXPECT_GT(near(trained, one, same), 0.9f);
}

TEST(WeightsTest, are_read_back_as_they_were_written) {
  Weights weights;
  weights.fill(kUsualWeight);
  for (size_t at : {size_t{0}, size_t{1}, size_t{9000}, size_t{30000}, kBuckets - 1})
    weights[at] = static_cast<uint8_t>(at % 64);
  const std::string text = packed(weights);
  EXPECT_LT(text.size(), 40u);
  ASSERT_TRUE(unpacked(text));
  EXPECT_EQ(*unpacked(text), weights);
  EXPECT_FALSE(unpacked("ab"));
  EXPECT_FALSE(unpacked("a\\b"));
  EXPECT_FALSE(unpacked("~~~"));
  EXPECT_FALSE(read_weights("/nowhere"));
}

}  // namespace
}  // namespace baton::similar
