// Storage: what batches and files share of Config::stored_bytes_max.
#pragma once

#include <cstddef>

namespace baton::sim {

// Charged for an object beside its bytes.
inline constexpr size_t kObjectOverheadBytes = 1'024;

}  // namespace baton::sim
