// fetch(): one exchange on its own, outside any call: its answer is handed over piece by piece. For what the operator
// asks of an account, and for `baton` commands that ask a running relay.
// Life: per exchange. Thread: one loop. Bounds: those of send(); silence inside the answer is bounded by `idle`.
#pragma once

#include <functional>
#include <string_view>

#include "upstream/sender.h"

namespace baton::upstream {

struct FetchSinks {
  std::function<void(const http::ResponseHead&)> head;  // views are valid during the call
  std::function<bool(std::string_view)> piece;          // false: enough of it
  Duration idle{std::chrono::seconds(30)};
};

// Gives the status. Errors: those of send(); kReset when the answer broke off, kTimeout after `idle` without a byte.
runtime::Task<Expected<int>> fetch(runtime::Loop& loop, ConnectionPool& pool, SendOptions options,
                                   runtime::Cancellation& cancel, const FetchSinks& sinks);

}  // namespace baton::upstream
