// RowColumns: the columns of a call, once for all stores: each keeps them in this order and under these types.
// Life: during a write. Thread: the writer's. Bounds: those of a Row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ledger/row.h"

namespace baton::ledger {

// Never below zero.
inline int64_t us(Duration duration) { return std::max<int64_t>(duration.count(), 0) / 1000; }

// `text` gets string_views into the outcome, `number` int64_t, or an optional of it where the value may be unknown.
template <class Text, class Number>
void pass_call(const model::Outcome& outcome, const Row& row, Text&& text, Number&& number) {
  const auto whole = [&](auto value) { number(static_cast<int64_t>(value)); };
  const model::Usage& used = row.usage;
  text(std::string_view(outcome.request_id));
  whole(outcome.started.time_since_epoch().count());
  whole(us(outcome.duration));
  whole(us(outcome.first_byte));
  whole(us(outcome.added));
  for (const auto* one : {&outcome.client, &outcome.key_id, &outcome.team, &outcome.client_address, &outcome.tags,
                          &outcome.session_id, &outcome.agent_id, &outcome.parent_agent_id})
    text(std::string_view(*one));
  text(std::string_view(name(outcome.operation)));
  text(std::string_view(outcome.model));
  whole(outcome.stream);
  whole(outcome.simulated);
  whole(outcome.status);
  text(std::string_view(name(outcome.ending)));
  text(std::string_view(outcome.error));
  text(std::string_view(outcome.upstream_request_id));
  whole(outcome.request_body_bytes);
  whole(outcome.reply_body_bytes);
  whole(used.input_tokens);
  whole(used.output_tokens);
  whole(used.cache_read_input_tokens);
  whole(used.cache_creation_input_tokens);
  whole(used.cache_creation_1h_input_tokens);
  whole(used.thinking_tokens);
  whole(used.web_search_requests);
  whole(used.web_fetch_requests);
  number(row.cost);
  number(outcome.charged_nanodollars);
  whole(row.saved_by_reply_cache);
  whole(row.saved_by_prompt_cache);
  whole(row.saved_by_batch);
  text(reused_as(outcome));
  number(outcome.reserved_nanodollars);
}

}  // namespace baton::ledger
