// Key: 128 bits that name an entry, already well mixed: any part of it may serve as a hash.
#pragma once

#include <cstdint>

namespace baton::cache {

struct Key {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Key&, const Key&) = default;
};

}  // namespace baton::cache
