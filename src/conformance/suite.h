// Suite: plays the chosen rows one after the other. Life: one run. Thread: one loop. Bounds: a row's own; the rows are
// a fixed table. When the first row fails, nothing behind it is played.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/bench.h"
#include "conformance/row.h"

namespace baton::conformance {

struct Selection {
  std::vector<std::string> names;  // beginnings; empty: all
  bool slow = false;               // also rows that take longer than ten seconds
  bool takes(const Row& row) const;
};

// The first name that begins none of the rows, or empty.
std::string_view unknown_name(const Selection& selection);

struct Result {
  std::string_view part;
  const Row* row = nullptr;
  Finding finding;
  Duration took{0};
};

struct Totals {
  size_t passed = 0, failed = 0, not_applicable = 0, skipped = 0;
};
Totals totals_of(const std::vector<Result>& results);

// Plays them; `tell` is called after each.
runtime::Task<std::vector<Result>> play_rows(runtime::Loop& loop, Bench& bench, Selection selection,
                                             std::function<void(const Result&)> tell);

}  // namespace baton::conformance
