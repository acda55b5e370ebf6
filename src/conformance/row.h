// Row: one rule of the contract, with the calls that show whether a gateway keeps it. The tables of rows stand in the
// files rows_*.cc, one for each part of the contract. Life: static. Thread: a row runs on the bench's loop.
#pragma once

#include <span>
#include <string_view>

#include "conformance/bench.h"
#include "runtime/task.h"

namespace baton::conformance {

struct Row {
  std::string_view name;
  std::string_view sentence;  // the rule
  runtime::Task<Finding> (*play)(Bench&, const Row&);
  int number = 0;         // what the row's function is about, where several rows share it
  bool disturbs = false;  // it shows the gateway errors of its account: the next row waits until a plain call passes
  bool slow = false;      // it takes longer than ten seconds
};

struct Part {
  std::string_view title;
  std::span<const Row> rows;
};

std::span<const Row> reach_rows();
std::span<const Row> request_rows();
std::span<const Row> reply_rows();
std::span<const Row> stream_rows();
std::span<const Row> end_rows();
std::span<const Row> trouble_rows();
std::span<const Row> account_rows();
std::span<const Row> credential_rows();

// All of them, in the order in which they are played.
std::span<const Part> parts();

}  // namespace baton::conformance
