// RouteReader: the list `routes`. Every refusal throws Problem. Life: during load(). Thread: one.
#pragma once

#include <span>
#include <vector>

#include "accounts/config.h"
#include "config/read.h"

namespace baton::config {

std::span<const Setting<accounts::RouteConfig>> route_table();
std::vector<accounts::RouteConfig> read_routes(const Source& source, const Place& place);

}  // namespace baton::config
