// Overview: the state of the whole relay in one object: what runs, how fast, what it used and cost. Figures per second
// or minute come from samples of the last minute, one a second.
// Life: made in app/, outlives the Api. Thread: the operator's loop. Bounds: kSamplesMax samples.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "admin/accounts_api.h"
#include "admin/admin_pages.h"
#include "ledger/call_list.h"
#include "metrics/relay_metrics.h"
#include "metrics/totals.h"
#include "runtime/clock.h"

namespace baton::admin {

class Overview {
 public:
  static constexpr size_t kSamplesMax = 61;
  static constexpr Duration kEvery = std::chrono::seconds(1);

  struct Parts {
    const metrics::RelayMetrics& metrics;
    const State& state;
    const runtime::Clock& clock;
    std::function<uint64_t()> revision;
  };
  explicit Overview(Parts parts) : parts_(std::move(parts)), started_(parts_.clock.wall()) {}

  // Once a second.
  void sample();
  void use(const ledger::MoneyToday& money) { money_ = money; }
  // A JSON object.
  std::string text() const;
  // Of the reply cache alone.
  std::string cache_text() const;

 private:
  struct Sample {
    Instant at;
    metrics::Totals totals;
  };
  // The sample that is about so old, or the oldest.
  const Sample* before(Duration age) const;

  Parts parts_;
  WallTime started_;
  std::deque<Sample> samples_;
  std::optional<ledger::MoneyToday> money_;  // nothing where it is not known
};

}  // namespace baton::admin
