// PriceTable: what a Message costs. Three lists lie over each other: the configuration's, the price file's, and the
// built-in one; the first that knows the model at that time decides.
// Life: made once, swapped whole. Thread: immutable, any. Bounds: O(prices). Amounts are integers: picodollars while
// adding up, rounded half up to nanodollars once per Message (a nanodollar is a ten-thousandth of what the cheapest
// token costs; a sum of 64-bit nanodollars holds nine billion dollars).
// Source: vendor price page and release notes of two price trackers (read 2026-11); usage object of the Messages API.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/config.h"
#include "model/budget.h"
#include "model/usage.h"

namespace baton::ledger {

class PriceTable {
 public:
  // The built-in prices alone.
  PriceTable();
  PriceTable(PriceList configured, PriceList file);
  PriceTable(const PriceTable&) = delete;
  PriceTable& operator=(const PriceTable&) = delete;

  // In nanodollars. Nothing when no list has a price for the model at that time and in that mode: never 0.
  std::optional<int64_t> cost(std::string_view model, const model::Usage& usage, WallTime at) const;
  // The same, and what it would have cost with all of its prompt as fresh input, and outside of a batch.
  struct Compared {
    int64_t cost = 0;
    int64_t uncached = 0;
    int64_t unbatched = 0;
  };
  std::optional<Compared> costs(std::string_view model, const model::Usage& usage, WallTime at) const;

  // The most that one attempt of this weight can cost, in whichever mode. Nothing when the model has no price.
  std::optional<int64_t> upper_bound(std::string_view model, const model::CallWeight& weight, WallTime at) const;

  // The lists' own prices, for the document and for tests.
  static PriceList built_in();

 private:
  struct Found {
    const Price* price = nullptr;
    int64_t multiplier_ppm = 0;
  };
  // What a thread asked last is kept for it: a call asks several times for one model, and so do the calls after it.
  Found find(std::string_view model, WallTime at) const;
  Found search(std::string_view model, std::chrono::sys_days day) const;
  static std::optional<int64_t> cost(const Found& found, const model::Usage& usage);

  const uint64_t serial_;  // of no other table of this process
  PriceList lists_[3];
  int64_t multiplier_ppm_ = 1'000'000;  // of the first list that names one
};

// "$12.345678901" without needless zeros, at least two decimals.
std::string dollars_text(int64_t nanodollars);

}  // namespace baton::ledger
