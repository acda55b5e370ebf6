// Report: findings as a person reads them, or as JSON. Thread: any; pure. Bounds: a few lines for each row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conformance/suite.h"

namespace baton::conformance {

// One row: its line, and for a failure what was expected and seen below it. A part's first row has the part's title
// above.
std::string row_text(const Result& result, bool first_of_part);
// The last line: how many passed, failed and so on.
std::string totals_text(const std::vector<Result>& results, Duration took);
// {"gateway":…,"upstream":…,"accounts":2,"passed":…,"rows":[{"name":…,"verdict":…},…]}
std::string report_json(std::string_view gateway, std::string_view upstream, size_t accounts,
                        const std::vector<Result>& results);
// Every row with its sentence, by part.
std::string list_text();

}  // namespace baton::conformance
