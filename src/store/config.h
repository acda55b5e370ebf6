// Where and how much the embedded store keeps.
#pragma once

#include <cstddef>
#include <string>

#include "base/units.h"

namespace baton::store {

struct Config {
  std::string folder;                                      // made with mode 0700; empty: nothing outlives the process
  size_t object_ids_max = 1'000'000;                       // batch and file ids that are remembered
  Duration object_age_max = std::chrono::hours(24 * 40);   // without being used
  size_t object_ids_cached_max = 16'384;                   // of them in memory
  Duration busy_timeout = std::chrono::milliseconds(100);  // waiting for another process that holds the file
};

}  // namespace baton::store
