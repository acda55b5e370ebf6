#include "conformance/suite.h"

#include <algorithm>
#include <array>

namespace baton::conformance {

using runtime::Task;

std::span<const Part> parts() {
  static const std::array<Part, 8> kParts{{{"reaching the upstream", reach_rows()},
                                           {"requests", request_rows()},
                                           {"answers", reply_rows()},
                                           {"streams", stream_rows()},
                                           {"ends", end_rows()},
                                           {"errors of the account", trouble_rows()},
                                           {"accounts and limits", account_rows()},
                                           {"errors of a credential", credential_rows()}}};
  return kParts;
}

bool Selection::takes(const Row& row) const {
  return names.empty() ||
         std::ranges::any_of(names, [&](const std::string& name) { return row.name.starts_with(name); });
}

std::string_view unknown_name(const Selection& selection) {
  for (const std::string& name : selection.names) {
    const Selection one{.names = {name}};
    const bool known = std::ranges::any_of(parts(), [&](const Part& part) {
      return std::ranges::any_of(part.rows, [&](const Row& row) { return one.takes(row); });
    });
    if (!known || name.empty()) return name;
  }
  return {};
}

Totals totals_of(const std::vector<Result>& results) {
  Totals out;
  for (const Result& result : results) {
    switch (result.finding.verdict) {
      case Verdict::kPass: ++out.passed; break;
      case Verdict::kFail: ++out.failed; break;
      case Verdict::kNotApplicable: ++out.not_applicable; break;
      case Verdict::kSkipped: ++out.skipped; break;
    }
  }
  return out;
}

Task<std::vector<Result>> play_rows(runtime::Loop& loop, Bench& bench, Selection selection,
                                    std::function<void(const Result&)> tell) {
  std::vector<Result> results;
  bool reached = true;
  bool disturbed = false;
  for (const Part& part : parts()) {
    const bool first_part = part.rows.data() == reach_rows().data();
    for (const Row& row : part.rows) {
      if (!first_part && !selection.takes(row)) continue;
      Result result{.part = part.title, .row = &row, .finding = {}};
      if (!reached) {
        result.finding = skipped("the upstream was not reached");
      } else if (row.slow && !selection.slow) {
        result.finding = skipped("it takes longer than ten seconds; --slow plays it");
      } else {
        if (disturbed && !co_await bench.settle()) {
          result.finding = failed("a gateway that is over the errors it was shown", "plain calls still fail");
        } else {
          const Instant began = loop.now();
          result.finding = co_await row.play(bench, row);
          result.took = loop.now() - began;
        }
        disturbed = row.disturbs;
      }
      if (first_part) reached = result.finding.verdict == Verdict::kPass;
      if (tell) tell(result);
      results.push_back(std::move(result));
    }
  }
  co_return results;
}

}  // namespace baton::conformance
