// Consistency: what no key can decide alone, and what the process around the file decides. Every refusal throws
// Problem. Life: during load(). Thread: one.
#pragma once

#include "config/file_reader.h"
#include "config/settings.h"

namespace baton::config {

// Refuses settings that do not hold together; defaults that a given setting has overtaken follow it. `file` is nullptr
// without one.
void check_consistency(const LoadOptions& options, const FileReader* file, Settings& settings);

}  // namespace baton::config
