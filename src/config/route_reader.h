// RouteReader: the list `routes`. Every refusal throws Problem. Life: during load(). Thread: one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "accounts/config.h"
#include "config/read.h"

namespace baton::config {

// A list of names, none twice, not empty.
std::vector<std::string> read_names(const Source& source, const Place& place);

std::span<const Setting<accounts::RouteConfig>> route_table();
std::vector<accounts::RouteConfig> read_routes(const Source& source, const Place& place);

}  // namespace baton::config
