// StaleReader: the list `cache.stale_rules`. Every refusal throws Problem. Life: during load(). Thread: one.
#pragma once

#include <span>
#include <vector>

#include "config/read.h"
#include "reuse/config.h"

namespace baton::config {

std::span<const Setting<reuse::StaleRule>> stale_rule_table();
std::vector<reuse::StaleRule> read_stale_rules(const Source& source, const Place& place);

}  // namespace baton::config
