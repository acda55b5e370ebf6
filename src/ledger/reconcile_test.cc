#include "ledger/reconcile.h"

#include <gtest/gtest.h>

namespace baton::ledger {
namespace {

constexpr int64_t kDollar = 1'000'000'000;

TEST(CostReport, ACsvIsReadByTheNamesOfItsColumns) {
  const auto costs = read_cost_report(
      "\xef\xbb\xbfusage_date_utc,workspace,Model,token_type,cost_usd\r\n"
      "2026-11-23,\"a, \"\"b\"\"\",claude-opus-4-5-20251101,input,1.25\r\n"
      "2026-11-23,x,claude-opus-4-5,output,$0.000000001\n"
      "\n"
      "2026-11-24T00:00:00Z,x,,web_search,0.1234567891");
  ASSERT_TRUE(costs) << costs.error().detail;
  EXPECT_EQ(*costs,
            (Costs{{{"2026-11-23", "claude-opus-4-5"}, kDollar + kDollar / 4 + 1}, {{"2026-11-24", ""}, 123'456'789}}));
}

TEST(CostReport, TheAdminApisAmountsAreCents) {
  const auto costs = read_cost_report(R"({"data":[
    {"starting_at":"2026-11-23T00:00:00Z","ending_at":"2026-11-24T00:00:00Z","results":[
      {"currency":"USD","amount":"123.45","model":"claude-opus-5-5","description":"a \"b\" [,]{}"},
      {"currency":"USD","amount":"0.5","model":"claude-opus-5-5"},
      {"currency":"USD","amount":"10","model":null,"cost_type":"web_search"}]},
    {"starting_at":"2026-11-24T00:00:00Z","results":[]}],"has_more":false,"next_page":null})");
  ASSERT_TRUE(costs) << costs.error().detail;
  EXPECT_EQ(*costs, (Costs{{{"2026-11-23", "claude-opus-5-5"}, 1'239'500'000},
                           {{"2026-11-23", ""}, 100'000'000},
                           {{"2026-11-24", ""}, 0}}));
}

TEST(CostReport, WhatIsNoneIsSaid) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "is no cost report"},
      {"day,tokens\n2026-11-23,5\n", "is no cost report"},
      {"date,cost_usd\n23.11.2026,5\n", "line 2: 23.11.2026 is no day"},
      {"date,cost_usd\n2026-11-23,five\n", "line 2: five are no dollars"},
      {"date,model,cost_usd\n2026-11-23,x\n", "line 2 has too few columns"},
      {R"({"type":"error"})", "it has no list `data`"},
      {R"({"data":[],"has_more":true})", "is only a page"},
      {R"({"data":[{"results":[]}]})", "without starting_at"},
      {R"({"data":[{"starting_at":"2026-11-23","results":[{"amount":"x"}]}]})", "no number: x"},
      {R"({"data":[{"starting_at":"2026-11-23","results":[{"amount":"1","currency":"EUR"}]}]})", "not in USD"},
  };
  for (const auto& [text, want] : rows) {
    const auto costs = read_cost_report(text);
    ASSERT_FALSE(costs) << text;
    EXPECT_NE(costs.error().detail.find(want), std::string::npos) << costs.error().detail;
  }
}

TEST(Reconcile, DaysAndTheWholeAreHeldToTheTolerance) {
  const Costs reported{{{"2026-11-23", "a"}, 100 * kDollar}, {{"2026-11-24", "a"}, 10 * kDollar}};
  struct {
    const char* name;
    Costs booked;
    double tolerance;
    bool agrees;
  } const rows[] = {
      {"the same", reported, 0, true},
      {"another model's on the same day",
       {{{"2026-11-23", "b"}, 100 * kDollar}, {{"2026-11-24", "a"}, 10 * kDollar}},
       0,
       true},
      {"within a cent",
       {{{"2026-11-23", "a"}, 100 * kDollar + 9'000'000}, {{"2026-11-24", "a"}, 10 * kDollar}},
       0,
       true},
      {"a day off by more", {{{"2026-11-23", "a"}, 100 * kDollar}, {{"2026-11-24", "a"}, 9 * kDollar}}, 0.05, false},
      {"within a twentieth", {{{"2026-11-23", "a"}, 96 * kDollar}, {{"2026-11-24", "a"}, 10 * kDollar}}, 0.05, true},
      {"a day that is missing", {{{"2026-11-23", "a"}, 100 * kDollar}}, 0.05, false},
      {"days that the report is silent on",
       {{{"2026-11-22", "a"}, 7 * kDollar}, {{"2026-11-23", "a"}, 100 * kDollar}, {{"2026-11-24", "a"}, 10 * kDollar}},
       0,
       true},
  };
  for (const auto& row : rows)
    EXPECT_EQ(reconcile(row.booked, reported, row.tolerance, false).agrees, row.agrees) << row.name;
}

TEST(Reconcile, TheTableShowsWhereItDiffers) {
  const Costs reported{{{"2026-11-23", "a"}, 2 * kDollar}, {{"2026-11-23", ""}, kDollar}};
  const Costs booked{{{"2026-11-23", "a"}, 2 * kDollar + kDollar / 2}};
  EXPECT_EQ(reconcile(booked, reported, 0.01, false).text,
            "DAY         MODEL   BOOKED  REPORTED  DIFFERENCE\n"
            "2026-11-23  (none)   $0.00     $1.00  -$1.00\n"
            "2026-11-23  a        $2.50     $2.00  $0.50\n"
            "2026-11-23           $2.50     $3.00  -$0.50 !\n"
            "total                $2.50     $3.00  -$0.50 !\n"
            "\nWhat is marked with ! differs by more than the tolerance.\n");
  EXPECT_EQ(
      reconcile(booked, reported, 0.01, true).text,
      "{\"rows\":[{\"day\":\"2026-11-23\",\"model\":\"\",\"booked_nanodollars\":0,\"reported_nanodollars\":1000000000},"
      "{\"day\":\"2026-11-23\",\"model\":\"a\",\"booked_nanodollars\":2500000000,\"reported_nanodollars\":2000000000}],"
      "\"booked_nanodollars\":2500000000,\"reported_nanodollars\":3000000000,\"agrees\":false}\n");
}

}  // namespace
}  // namespace baton::ledger
