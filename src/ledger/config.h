// Where calls are written down, and what they cost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/units.h"
#include "model/budget.h"

namespace baton::ledger {

// Picodollars per token: a dollar per million tokens is 1,000,000 of them, and half of the smallest price there is
// (0.01 $/M in a batch) is still a whole number.
struct Rates {
  int64_t input = 0;
  int64_t output = 0;
  int64_t cache_write_5m = 0;
  int64_t cache_write_1h = 0;
  int64_t cache_read = 0;
  friend bool operator==(const Rates&, const Rates&) = default;
};

// What one model costs from a day on.
struct Price {
  std::string model;  // its id; also matches the id with a date behind ("-20251101"). "claude-x-*": whatever begins so
  std::vector<std::string> aliases = {};            // other ids of the same
  std::chrono::sys_days from{};                     // UTC; the latest that has begun counts
  std::optional<std::chrono::sys_days> until = {};  // the first day on which it does not hold any more
  Rates rates = {};
  std::optional<Rates> fast = {};  // speed: fast; without it such a call has no known cost
  struct LongPrompt {
    int64_t above_tokens = 0;  // of the whole prompt, cached tokens included
    Rates rates = {};          // then of the whole request
  };
  std::optional<LongPrompt> long_prompt = {};
  int64_t batch_ppm = 500'000;                      // share of all token prices that a batch pays, in millionths
  int64_t web_search_picodollars = 10'000'000'000;  // a search
  int64_t web_fetch_picodollars = 0;
  std::optional<int64_t> multiplier_ppm = {};  // instead of the list's
};

struct PriceList {
  std::vector<Price> prices;
  std::optional<int64_t> multiplier_ppm;  // a contract's, of everything; in millionths
};

inline constexpr size_t kBudgetWaitersMax = 4096;  // calls that wait for others' reservations to settle

// What the configuration says of budgets. Keys made at run time carry their own.
struct BudgetRules {
  std::map<std::string, model::Budget, std::less<>> teams;
  std::map<std::string, model::Budget, std::less<>> clients;  // of the configuration, by name
  std::string contact;                                        // whom to ask for more
  bool any() const { return !teams.empty() || !clients.empty(); }
};

struct Config {
  std::string access_log = "stderr";             // "stdout", "stderr", a file's path, or "off"
  size_t log_queue_bytes_max = 8 * 1024 * 1024;  // lines that wait for a slow sink; more are dropped and counted
  bool rows = true;                              // a row per call in <data_dir>/ledger.db
  Secret database;                               // or in PostgreSQL: "postgresql://…"
  bool journal = true;                           // so that a killed process loses no row
  size_t queue_rows_max = 16'384;                // rows that wait for the disk; then calls are refused
  Duration keep = std::chrono::hours(24 * 400);  // how long a row is kept
  std::string prices_file;                       // read again when it changes; over the built-in prices
  PriceList prices;                              // over both
  BudgetRules budgets;
  std::string webhook;  // https:// address that warnings of budgets are posted to; empty: none
  Secret webhook_secret;
};

}  // namespace baton::ledger
