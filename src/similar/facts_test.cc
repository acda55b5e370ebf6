#include "similar/facts.h"

#include <gtest/gtest.h>

#include "similar/config.h"
#include "similar/normal.h"

namespace baton::similar {
namespace {

using model::SimilarGuard;

struct Row {
  std::string_view name, a, b;
  std::optional<SimilarGuard> want;
  Likeness likeness = Likeness::kSpelling;
};

TEST(FactsTest, what_tells_two_questions_apart) {
  const Row kTable[] = {
      {"the same", "What is a monad?", "What is a monad?", {}},
      {"case and ends", "What is a monad?", "  what is a MONAD ", {}, Likeness::kSpelling},
      {"full width", "ＡＢＣ是什么？", "abc是什么", {}, Likeness::kSpelling},
      {"kinds of quotes", "Who said “veni”?", "who said \"veni\"", {}},
      {"letters in two parts", "cafe\u0301 near me", "caf\u00e9 near me", {}},
      {"an article", "How tall is the tower?", "How tall is tower", {}, Likeness::kContent},
      {"courtesy",
       "How do I boil eggs?",
       "Hi, could you please tell me how to boil eggs? Thanks in advance!",
       {},
       Likeness::kContent},
      {"contraction", "What's the boiling point of iron", "what is the boiling point of iron?", {}},
      {"spelling of two lands", "favourite colour of cats", "favorite color of cats", {}, Likeness::kContent},
      {"Chinese courtesy", "请问怎么开发票？谢谢", "怎么开发票？", std::nullopt, Likeness::kContent},
      {"Chinese how", "如何开发票", "怎样开发票？", {}, Likeness::kContent},
      {"turned", "手机开机密码怎么破解", "怎么破解手机开机密码", {}, Likeness::kTurned},
      {"a particle", "支持货到付款么？", "支持货到付款", {}, Likeness::kTurned},
      {"number", "top 5 films", "top 6 films", SimilarGuard::kNumber},
      {"thousands", "1,000 steps", "1000 steps", {}},
      {"sign of a number", "abs of -5", "abs of 5", SimilarGuard::kNumber},
      {"superscript is not its digit", "what is x²", "what is x2", SimilarGuard::kCode},
      {"unit", "5 kg of rice", "5 lb of rice", SimilarGuard::kUnit},
      {"unit written out", "5 kg of rice", "5 kilograms of rice", {}, Likeness::kContent},
      {"date", "news of today", "news of yesterday", SimilarGuard::kDate},
      {"negation", "why does it rain", "why does it not rain", SimilarGuard::kNegation},
      {"negation in a contraction", "why does it rain", "why doesn't it rain", SimilarGuard::kNegation},
      {"polarity", "turn it on", "turn it off", SimilarGuard::kPolarity},
      {"tense", "who is the pope", "who was the pope", SimilarGuard::kTense},
      {"code", "what is `a`", "what is `b`", SimilarGuard::kCode},
      {"quoted", "say \"a\"", "say \"b\"", SimilarGuard::kQuoted},
      {"question", "when did it burn", "where did it burn", SimilarGuard::kQuestion},
      {"entity", "weather in Rome", "weather in Oslo", SimilarGuard::kEntity},
      {"order", "dog bites man", "man bites dog", SimilarGuard::kOrder},
      {"order in Chinese", "狗怎么咬人", "人怎么咬狗", SimilarGuard::kOrder},
      {"language", "price of gold", "黄金价格", SimilarGuard::kLanguage},
      {"a name that is a word", "who are The Who", "who are the", SimilarGuard::kEntity},
      {"an abbreviation that is a word", "visit the US", "visit the us", SimilarGuard::kEntity},
      {"a statement is no question", "Is water wet", "water is wet", SimilarGuard::kQuestion},
      {"about words nothing is dropped", "how do you say please in French", "how do you say in French",
       SimilarGuard::kEntity},
      {"a greeting that is the matter", "hello world in C", "world in C", SimilarGuard::kEntity},
      {"more than what it begins with", "怎么办理护照", "怎么办", SimilarGuard::kQuestion},
  };
  for (const Row& row : kTable) {
    const auto a = facts_of(row.a), b = facts_of(row.b);
    ASSERT_TRUE(a && b) << row.name;
    const Comparison got = compare(*a, *b);
    EXPECT_EQ(got.guard, row.want) << row.name << ": " << (got.guard ? name(*got.guard) : "none");
    if (!row.want) EXPECT_EQ(got.likeness, row.likeness) << row.name;
  }
}

TEST(FactsTest, what_says_nothing_or_too_much_is_not_compared) {
  for (std::string_view text : {"", "   ", "?!", "\xff\xfe"}) EXPECT_FALSE(facts_of(text)) << text;
  EXPECT_TRUE(facts_of(std::string(kTextBytesMax, 'a')));
  EXPECT_FALSE(facts_of(std::string(kTextBytesMax + 1, 'a')));
  // Nothing but courtesy says that.
  EXPECT_TRUE(compare(*facts_of("thanks"), *facts_of("hello")).guard);
  EXPECT_TRUE(compare(*facts_of("请问"), *facts_of("谢谢")).guard);
}

TEST(NormalTest, writes_alike_what_is_only_written_otherwise) {
  const std::pair<std::string_view, std::u32string_view> kTable[] = {
      {"a  b\t\nc ", U"a b c"}, {"\u3000a\u00a0b", U"a b"}, {"\u201ca\u201d", U"\"a\""}, {"a\u200bb\ufeff", U"ab"},
      {"A\u030a", U"\u00c5"},   {"x\u00b2", U"x\u00b2"},    {"\uff21\uff11", U"A1"},     {"\u2014", U"-"},
      {"\u2026", U"..."},       {"\u3002", U"."},
  };
  for (const auto& [text, want] : kTable) EXPECT_EQ(normal(text), want) << text;
  EXPECT_FALSE(normal("\xc0\xaf"));          // longer than need be
  EXPECT_FALSE(normal("\xed\xa0\x80"));      // half a pair
  EXPECT_FALSE(normal("\xf4\x90\x80\x80"));  // behind the last
  EXPECT_FALSE(normal("\xe4\xb8"));          // cut
}

TEST(ClaimsTest, see_figures_and_opposites_but_not_their_order) {
  const auto claims = [](std::string_view text) { return claims_of(*normal(text)); };
  EXPECT_EQ(claims("It has 5 legs and 2 wings."), claims("2 wings and 5 legs are what it has."));
  EXPECT_NE(claims("It has 5 legs."), claims("It has 6 legs."));
  EXPECT_NE(claims("It is safe."), claims("It is not safe."));
  EXPECT_NE(claims("Turn it on."), claims("Turn it off."));
  EXPECT_NE(claims("5 kg"), claims("5 lb"));
  EXPECT_NE(claims("可以"), claims("不可以"));
}

}  // namespace
}  // namespace baton::similar
