// PriceReader: prices of models, from the configuration or from a price file. Every refusal throws Problem.
// Life: during load() and load_prices(). Thread: one. Amounts never pass through a float.
#pragma once

#include <cstdint>
#include <vector>

#include "config/read.h"
#include "ledger/config.h"

namespace baton::config {

inline constexpr size_t kPricesMax = 10'000;

// "0.85" as 850'000.
int64_t read_multiplier(const Source& source, const Place& place);
std::vector<ledger::Price> read_prices(const Source& source, const Place& place);
// A whole price file: `multiplier` and `models`.
ledger::PriceList read_price_list(const Source& source, const Place& root);

}  // namespace baton::config
