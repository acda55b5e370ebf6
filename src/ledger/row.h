// Row: an Outcome as the ledger keeps it: what was used, by which account, and what it cost.
// Life: values, made on the writer's thread. Thread: any; pure. Bounds: those of an Outcome.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ledger/price_table.h"
#include "model/outcome.h"

namespace baton::ledger {

struct Row {
  model::Usage usage;           // summed over all attempts; tier and mode of the last that stated any
  std::optional<int64_t> cost;  // in nanodollars; nothing when that of an attempt is not known
  // What it would have cost more: without the answer to another call that it was given; with its prompt in no cache of
  // the vendor's (writes cost more than fresh input, so this may be negative); outside of a batch. Each by itself, the
  // rest as it was. 0 where no price is known.
  int64_t saved_by_reply_cache = 0;
  int64_t saved_by_prompt_cache = 0;
  int64_t saved_by_batch = 0;
  std::vector<std::optional<int64_t>> attempt_costs;  // in the order of the attempts
};

// What an attempt cost: by its tokens where the vendor stated them; 0 where nothing is charged (refusals, and what is
// free); nothing where it may have been charged and it is not known how much: a model without a price, a reply that was
// lost or could not be read, a batch (its results tell), an endpoint that is not known.
std::optional<int64_t> cost_of(const model::Outcome& outcome, const model::Attempt& attempt, const PriceTable& prices);

// What the answer to a call had cost that was made for another; in nanodollars, 0 where it is not known.
int64_t saved_by_reuse(const model::Outcome& outcome, const PriceTable& prices);

// How the answer came that was made for another call: "" where it was not, else "hit", "stale", "coalesced",
// "similar" or "resumed".
std::string_view reused_as(const model::Outcome& outcome);

Row make_row(const model::Outcome& outcome, const PriceTable& prices);

// Whether a call is written down. Not: probes, and calls of nobody who was let in; they cost nothing, and anyone could
// fill the disk with them. They stand in the access log.
bool is_booked(const model::Outcome& outcome);

}  // namespace baton::ledger
