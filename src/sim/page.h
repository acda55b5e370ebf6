// Query values and cursor pages, as the vendor's list endpoints take and give them.
// Thread: any; pure. Source: the vendor's SDK pagination.ts and query.ts (read 2026-11).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/api_error.h"

namespace baton::sim {

// Every value of `name` in a query ("?limit=20&lifecycle[]=active"), percent-decoded; names may be encoded too.
std::vector<std::string> query_values(std::string_view query, std::string_view name);

// A list in the order in which it is shown.
struct Listing {
  size_t size = 0;
  std::function<std::string_view(size_t)> id;
  std::function<void(std::string&, size_t)> append;
};
// {"data":[…],"has_more":…,"first_id":…,"last_id":…} for limit (1 to 1000, 20 by default), after_id and before_id; 400
// for bad ones.
Answered<std::string> page(const Listing& listing, std::string_view query);

}  // namespace baton::sim
