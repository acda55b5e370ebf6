#include "ledger/price_table.h"

#include <gtest/gtest.h>

namespace baton::ledger {
namespace {

using namespace std::chrono_literals;
using model::ServiceTier;
using model::Usage;

WallTime on(std::chrono::year_month_day day) { return WallTime(std::chrono::sys_days(day)); }
const WallTime kNow = on(2026y / 11 / 24);

// Usage that other gateways priced wrongly: cache tokens a second time as input, or reads as fresh input. The wanted
// sums are the vendor's, as reported with each.
TEST(PriceTable, GoldenVectorsOfKnownMispricings) {
  PriceList old;
  old.prices.push_back({.model = "claude-3-7-sonnet", .rates = {3'000'000, 15'000'000, 3'750'000, 6'000'000, 300'000}});
  old.prices.push_back({.model = "claude-3-5-haiku", .rates = {800'000, 4'000'000, 1'000'000, 1'600'000, 80'000}});
  const PriceTable table(old, {});
  struct {
    const char* name;
    const char* model;
    Usage usage;
    int64_t want;
  } const rows[] = {
      {"a cache write counted twice (litellm 9812: $0.0913 for $0.0544)",
       "claude-3-7-sonnet-20250219",
       {.input_tokens = 3, .output_tokens = 550, .cache_creation_input_tokens = 12'304},
       54'399'000},
      {"a streamed cache read at the full price (litellm 11789: $0.002059 for $0.000292)",
       "claude-3-5-haiku-20241022",
       {.input_tokens = 4, .output_tokens = 23, .cache_read_input_tokens = 2'455},
       291'600},
      {"reads and writes left out (litellm 11364: $0.04708)",
       "claude-opus-4-5-20251101",
       {.input_tokens = 10,
        .output_tokens = 5'120,
        .cache_creation_input_tokens = 32'435,
        .cache_read_input_tokens = 66'360,
        .cache_creation_5m_input_tokens = 32'435},
       363'948'750},
      {"a streamed cache write counted twice (bifrost 3451: $1.8598 for $1.0638)",
       "claude-opus-4-7",
       {.input_tokens = 6,
        .output_tokens = 2'745,
        .cache_creation_input_tokens = 159'217,
        .cache_creation_5m_input_tokens = 159'217},
       1'063'761'250},
  };
  for (const auto& row : rows) EXPECT_EQ(table.cost(row.model, row.usage, kNow), row.want) << row.name;
}

TEST(PriceTable, EveryKindOfTokenHasItsOwnPrice) {
  const PriceTable table;
  struct {
    const char* name;
    const char* model;
    Usage usage;
    std::optional<int64_t> want;
  } const rows[] = {
      {"input", "claude-opus-5-5", {.input_tokens = 1'000'000}, 4'000'000'000},
      {"output", "claude-opus-5-5", {.output_tokens = 1'000'000}, 20'000'000'000},
      {"a write for 5 minutes",
       "claude-opus-5-5",
       {.cache_creation_input_tokens = 1'000'000, .cache_creation_5m_input_tokens = 1'000'000},
       5'000'000'000},
      {"a write for an hour",
       "claude-opus-5-5",
       {.cache_creation_input_tokens = 1'000'000, .cache_creation_1h_input_tokens = 1'000'000},
       8'000'000'000},
      {"both",
       "claude-opus-5-5",
       {.cache_creation_input_tokens = 3'000'000,
        .cache_creation_5m_input_tokens = 1'000'000,
        .cache_creation_1h_input_tokens = 2'000'000},
       21'000'000'000},
      {"a write of unknown length is one for 5 minutes",
       "claude-opus-5-5",
       {.cache_creation_input_tokens = 1'000'000},
       5'000'000'000},
      {"a read", "claude-opus-5-5", {.cache_read_input_tokens = 1'000'000}, 200'000'000},
      {"one token of the cheapest kind", "claude-haiku-5-5", {.cache_read_input_tokens = 1}, 10},
      {"half a batch of it", "claude-haiku-5-5", {.cache_read_input_tokens = 1, .tier = ServiceTier::kBatch}, 5},
      {"a batch pays half",
       "claude-opus-5-5",
       {.input_tokens = 1'000'000, .output_tokens = 1'000'000, .tier = ServiceTier::kBatch},
       12'000'000'000},
      {"fast",
       "claude-opus-5-5",
       {.input_tokens = 1'000'000, .output_tokens = 1'000'000, .fast = true},
       48'000'000'000},
      {"fast without a fast price is unknown", "claude-sonnet-5-5", {.input_tokens = 1, .fast = true}, std::nullopt},
      {"a search", "claude-opus-5-5", {.web_search_requests = 3}, 30'000'000},
      {"a search in a batch", "claude-opus-5-5", {.web_search_requests = 3, .tier = ServiceTier::kBatch}, 30'000'000},
      {"a fetch is free", "claude-opus-5-5", {.web_fetch_requests = 3}, 0},
      {"a prompt at the border", "claude-haiku-5-5", {.input_tokens = 100'000}, 10'000'000},
      {"above it, all of it is dearer", "claude-haiku-5-5", {.input_tokens = 100'001, .output_tokens = 1}, 50'003'000},
      {"cached tokens count for the border",
       "claude-haiku-5-5",
       {.input_tokens = 1, .cache_read_input_tokens = 100'000},
       5'000'500},
      {"thinking is output already", "claude-opus-5-5", {.output_tokens = 10, .thinking_tokens = 10}, 200'000},
      {"an unknown model", "claude-nova-1", {.input_tokens = 5}, std::nullopt},
      {"a model whose price nobody has published", "claude-fable-5-2", {.input_tokens = 5}, std::nullopt},
      {"an id that only begins alike", "claude-opus-5-5x", {.input_tokens = 5}, std::nullopt},
      {"no model", "", {.input_tokens = 5}, std::nullopt},
      {"a dated id", "claude-haiku-4-5-20251001", {.input_tokens = 1'000'000}, 1'000'000'000},
      {"nothing used", "claude-haiku-4-5", {}, 0},
      {"more than can be counted is not known",
       "claude-opus-5-5",
       {.output_tokens = 1'000'000'000'000'000},
       std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(table.cost(row.model, row.usage, kNow), row.want) << row.name;
}

TEST(PriceTable, APriceHoldsFromItsDay) {
  const PriceTable table;
  const Usage read{.cache_read_input_tokens = 1'000'000};
  EXPECT_EQ(table.cost("claude-sonnet-5-5", read, on(2026y / 10 / 7) - 1ms), 200'000'000);
  EXPECT_EQ(table.cost("claude-sonnet-5-5", read, on(2026y / 10 / 7)), 100'000'000);
}

TEST(PriceTable, TheConfigurationLiesOverTheFileOverTheBuiltIn) {
  PriceList configured, file;
  configured.prices.push_back(
      {.model = "claude-opus-5-5", .until = std::chrono::sys_days(2026y / 12 / 1), .rates = {.input = 1}});
  configured.prices.push_back({.model = "ours-*", .rates = {.input = 7}});
  configured.prices.push_back({.model = "ours-large-*", .rates = {.input = 8}});
  file.prices.push_back({.model = "claude-opus-5-5", .rates = {.input = 2}});
  file.prices.push_back({.model = "claude-haiku-4-5", .aliases = {"haiku"}, .rates = {.input = 3}});
  const PriceTable table(configured, file);
  const Usage usage{.input_tokens = 1'000'000};
  struct {
    const char* model;
    WallTime at;
    int64_t want;
  } const rows[] = {
      {"claude-opus-5-5", kNow, 1'000},  {"claude-opus-5-5", on(2026y / 12 / 1), 2'000}, {"haiku", kNow, 3'000},
      {"claude-haiku-4-5", kNow, 3'000}, {"claude-sonnet-5", kNow, 2'000'000'000},       {"ours-small", kNow, 7'000},
      {"ours-large-2", kNow, 8'000},
  };
  for (const auto& row : rows) EXPECT_EQ(table.cost(row.model, usage, row.at), row.want) << row.model;
}

TEST(PriceTable, AContractMultipliesEverything) {
  PriceList configured, file;
  configured.prices.push_back({.model = "special", .rates = {.input = 1'000'000}, .multiplier_ppm = 500'000});
  file.multiplier_ppm = 850'000;
  const PriceTable table(configured, file);
  EXPECT_EQ(table.cost("claude-opus-5-5", {.input_tokens = 1'000'000, .web_search_requests = 1}, kNow), 3'408'500'000);
  EXPECT_EQ(table.cost("special", {.input_tokens = 1'000'000}, kNow), 500'000'000);
  configured.multiplier_ppm = 2'000'000;
  EXPECT_EQ(PriceTable(configured, file).cost("claude-opus-5-5", {.input_tokens = 1'000'000}, kNow), 8'000'000'000);
}

TEST(PriceTable, DollarsReadWell) {
  struct {
    int64_t nanodollars;
    const char* want;
  } const rows[] = {{0, "$0.00"},
                    {1, "$0.000000001"},
                    {10'000'000, "$0.01"},
                    {1'500'000'000, "$1.50"},
                    {54'399'000, "$0.054399"},
                    {-2'000'000'000, "-$2.00"},
                    {INT64_MIN, "-$9223372036.854775808"}};
  for (const auto& row : rows) EXPECT_EQ(dollars_text(row.nanodollars), row.want);
}

}  // namespace
}  // namespace baton::ledger
