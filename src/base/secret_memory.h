// Memory for secrets: pages of their own that are locked (never swapped), left out of core dumps and not inherited by a
// child; what is given back is wiped. Where the kernel does not lock (RLIMIT_MEMLOCK) the rest still holds, and
// unlocked_bytes() tells. Life: regions are kept for the process's life and used again. Thread: any. Bounds: a block
// up to kBlockBytesMax comes from a region of kRegionBytes; a larger one has pages of its own.
#pragma once

#include <cstddef>

namespace baton::secret_memory {

inline constexpr size_t kRegionBytes = 64 * 1024;
inline constexpr size_t kBlockBytesMax = 4096;

// Throws std::bad_alloc when there is no memory. `bytes` > 0.
char* take(size_t bytes);
// Wipes it. `bytes` as it was taken.
void give(char* block, size_t bytes);

// Of all regions, and of those that could not be locked.
size_t held_bytes();
size_t unlocked_bytes();

// Overwrites, whatever an optimiser thinks of it.
void wipe(void* at, size_t bytes);

}  // namespace baton::secret_memory
