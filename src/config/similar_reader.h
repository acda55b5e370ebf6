// SimilarReader: the list `similar.rules`. Every refusal throws Problem. Life: during load(). Thread: one.
#pragma once

#include <span>
#include <vector>

#include "config/read.h"
#include "similar/config.h"

namespace baton::config {

std::span<const Setting<similar::Rule>> similar_rule_table();
std::vector<similar::Rule> read_similar_rules(const Source& source, const Place& place);

}  // namespace baton::config
