#include "model/budget_text.h"

#include <gtest/gtest.h>

namespace baton::model {
namespace {

TEST(BudgetText, dollars_are_exact_or_refused) {
  const std::pair<const char*, int64_t> rows[] = {
      {"50", 50'000'000'000},
      {"$0.25", 250'000'000},
      {"0.000000001", 1},
      {"999999999", 999'999'999'000'000'000},
      {"", 0},
      {"$", 0},
      {"0", 0},
      {"0.0", 0},
      {"-1", 0},
      {"1.", 0},
      {".5", 0},
      {"1e3", 0},
      {"1,5", 0},
      {"0.0000000001", 0},
      {"1000000000", 0},
      {"5 ", 0},
  };
  for (const auto& [text, want] : rows) {
    const auto got = parse_dollars(text);
    EXPECT_EQ(got.value_or(0), want) << text;
    EXPECT_EQ(got.has_value(), want != 0) << text;
  }
}

TEST(BudgetText, a_budget_is_read_and_shown_alike) {
  Budget budget = parse_budget("50/day", {}).value();
  budget = parse_budget("0.5/month", budget).value();
  EXPECT_EQ(budget, (Budget{.day_nanodollars = 50'000'000'000, .month_nanodollars = 500'000'000}));
  EXPECT_EQ(budget_text(budget), "50/day 0.5/month");
  EXPECT_EQ(budget_text(parse_reserve("strict", budget).value()), "50/day 0.5/month strict");
  EXPECT_EQ(budget_text(parse_reserve("cap:$1.25", budget).value()), "50/day 0.5/month cap:1.25");
  EXPECT_EQ(budget_text({}), "");
  for (const char* bad : {"50", "50/week", "/day", "0/day", "50/day/month", "x/day"}) {
    EXPECT_FALSE(parse_budget(bad, {})) << bad;
  }
  for (const char* bad : {"", "stric", "cap", "cap:", "cap:0"}) EXPECT_FALSE(parse_reserve(bad, {})) << bad;
}

}  // namespace
}  // namespace baton::model
