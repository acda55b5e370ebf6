#include "config/price_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/settings.h"

namespace baton::config {
namespace {

class PriceFile : public testing::Test {
 protected:
  PriceFile() {
    std::string pattern = testing::TempDir() + "prices-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PriceFile() override { std::filesystem::remove_all(folder_); }

  std::expected<ledger::PriceList, Problem> read(std::string_view text) {
    std::ofstream(folder_ + "/prices.yaml") << text;
    return load_prices(folder_ + "/prices.yaml");
  }
  std::string refusal(std::string_view text) {
    const auto list = read(text);
    return list ? "(taken)" : list.error().text().substr(folder_.size() + 1);
  }
  std::string folder_;
};

TEST_F(PriceFile, EveryFieldIsReadExactly) {
  const auto list = read(R"(
multiplier: 0.85
models:
  - model: claude-x
    aliases: [x, claude-x-latest]
    from: 2026-10-07
    until: 2027-01-01
    input: 0.000001
    output: 15
    cache_write_5m: 3.75
    cache_write_1h: 6
    cache_read: 0.3
    long_prompt: {above: 200000, input: 6, output: 22.5}
    fast: {input: 30, output: 150, cache_read: 0.25}
    batch: 0.4
    web_search: 12.5
    web_fetch: 1
    multiplier: 1
  - model: claude-y
    input: 1
    output: 5
)");
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(list->multiplier_ppm, 850'000);
  ASSERT_EQ(list->prices.size(), 2u);
  const ledger::Price& x = list->prices[0];
  EXPECT_EQ(x.model, "claude-x");
  EXPECT_EQ(x.aliases, (std::vector<std::string>{"x", "claude-x-latest"}));
  EXPECT_EQ(x.from, std::chrono::sys_days(std::chrono::year(2026) / 10 / 7));
  EXPECT_EQ(x.until, std::chrono::sys_days(std::chrono::year(2027) / 1 / 1));
  EXPECT_EQ(x.rates, (ledger::Rates{1, 15'000'000, 3'750'000, 6'000'000, 300'000}));
  ASSERT_TRUE(x.long_prompt);
  EXPECT_EQ(x.long_prompt->above_tokens, 200'000);
  EXPECT_EQ(x.long_prompt->rates, (ledger::Rates{6'000'000, 22'500'000, 7'500'000, 12'000'000, 600'000}));
  EXPECT_EQ(x.fast, (ledger::Rates{30'000'000, 150'000'000, 37'500'000, 60'000'000, 250'000}));
  EXPECT_EQ(x.batch_ppm, 400'000);
  EXPECT_EQ(x.web_search_picodollars, 12'500'000'000);
  EXPECT_EQ(x.web_fetch_picodollars, 1'000'000'000);
  EXPECT_EQ(x.multiplier_ppm, 1'000'000);
  EXPECT_EQ(list->prices[1].rates, (ledger::Rates{1'000'000, 5'000'000, 1'250'000, 2'000'000, 100'000}));
}

TEST_F(PriceFile, WhatIsWrongIsSaidWithItsLine) {
  struct {
    const char* name;
    const char* text;
    const char* want;
  } const rows[] = {
      {"an unknown key", "modells: []\n", "prices.yaml:1: modells: "},
      {"an unknown field", "models:\n  - {model: a, input: 1, output: 1, cache_reed: 1}\n",
       "prices.yaml:2: models[0].cache_reed: "},
      {"an unknown nested field",
       "models:\n  - {model: a, input: 1, output: 1, fast: {input: 1, output: 1, speed: 2}}\n",
       "prices.yaml:2: models[0].fast.speed: "},
      {"no model", "models:\n  - {input: 1, output: 1}\n", "prices.yaml:2: models[0]: has no model"},
      {"no input", "models:\n  - {model: a, output: 1}\n", "prices.yaml:2: models[0]: has no input"},
      {"a negative price", "models:\n  - {model: a, input: -1, output: 1}\n",
       "prices.yaml:2: models[0].input: must be"},
      {"seven decimals", "models:\n  - {model: a, input: 0.0000001, output: 1}\n",
       "prices.yaml:2: models[0].input: must be"},
      {"an exponent", "models:\n  - {model: a, input: 1e3, output: 1}\n", "prices.yaml:2: models[0].input: must be"},
      {"a comma", "models:\n  - {model: a, input: \"1,5\", output: 1}\n", "prices.yaml:2: models[0].input: must be"},
      {"a day that is none", "models:\n  - {model: a, input: 1, output: 1, from: 2026-02-30}\n",
       "prices.yaml:2: models[0].from: must be a day"},
      {"an end before the beginning",
       "models:\n  - {model: a, input: 1, output: 1, from: 2026-02-02, until: 2026-02-02}\n",
       "prices.yaml:2: models[0]: ends before it begins"},
      {"the same twice", "models:\n  - {model: a, input: 1, output: 1}\n  - {model: a, input: 2, output: 1}\n",
       "prices.yaml:3: models[1]: has the model and the day of another item"},
      {"a long prompt of unknown length",
       "models:\n  - {model: a, input: 1, output: 1, long_prompt: {input: 1, output: 1}}\n",
       "prices.yaml:2: models[0].long_prompt: has no above"},
      {"a multiplier that is a typing error", "multiplier: 850\n", "prices.yaml:1: multiplier: must be"},
      {"no map", "- 1\n", "prices.yaml"},
  };
  for (const auto& row : rows)
    EXPECT_TRUE(refusal(row.text).starts_with(row.want)) << row.name << ": " << refusal(row.text);
  EXPECT_FALSE(load_prices(folder_ + "/none.yaml"));
}

}  // namespace
}  // namespace baton::config
