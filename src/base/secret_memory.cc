#include "base/secret_memory.h"

#include <string.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <mutex>
#include <new>

namespace baton::secret_memory {

namespace {

constexpr size_t kBlockBytesMin = 32;
constexpr size_t kClasses = std::bit_width(kBlockBytesMax / kBlockBytesMin);

struct FreeBlock {
  FreeBlock* next;
};

struct Pool {
  std::mutex mutex;
  std::array<FreeBlock*, kClasses> free{};
  char* region = nullptr;  // what is left of the newest
  size_t region_left = 0;
  size_t held = 0;
  size_t unlocked = 0;
};

// Never destroyed: secrets of other statics may outlive it.
Pool& pool() {
  static Pool* const one = new Pool;
  return *one;
}

size_t class_of(size_t bytes) {
  return bytes <= kBlockBytesMin ? 0 : static_cast<size_t>(std::bit_width((bytes - 1) / kBlockBytesMin));
}

size_t whole_pages(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

// With the mutex.
char* map(Pool& from, size_t bytes) {
  void* const pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  ::madvise(pages, bytes, MADV_DONTDUMP);
  ::madvise(pages, bytes, MADV_DONTFORK);
  from.held += bytes;
  if (::mlock(pages, bytes) != 0) from.unlocked += bytes;
  return static_cast<char*>(pages);
}

}  // namespace

char* take(size_t bytes) {
  Pool& from = pool();
  std::lock_guard lock(from.mutex);
  if (bytes > kBlockBytesMax) return map(from, whole_pages(bytes));
  const size_t which = class_of(bytes);
  if (FreeBlock* const block = from.free[which]; block != nullptr) {
    from.free[which] = block->next;
    block->next = nullptr;
    return reinterpret_cast<char*>(block);
  }
  const size_t size = kBlockBytesMin << which;
  if (from.region_left < size) {
    from.region = map(from, kRegionBytes);
    from.region_left = kRegionBytes;
  }
  char* const block = from.region;
  from.region += size;
  from.region_left -= size;
  return block;
}

void give(char* block, size_t bytes) {
  Pool& to = pool();
  wipe(block, bytes);
  std::lock_guard lock(to.mutex);
  if (bytes > kBlockBytesMax) {
    const size_t pages = whole_pages(bytes);
    // What the kernel did not lock may be counted as locked from here on; never the other way round.
    if (::munmap(block, pages) == 0) {
      to.held -= pages;
      to.unlocked = to.unlocked > pages ? to.unlocked - pages : 0;
    }
    return;
  }
  FreeBlock*& first = to.free[class_of(bytes)];
  first = new (block) FreeBlock{first};
}

size_t held_bytes() {
  std::lock_guard lock(pool().mutex);
  return pool().held;
}

size_t unlocked_bytes() {
  std::lock_guard lock(pool().mutex);
  return pool().unlocked;
}

void wipe(void* at, size_t bytes) { ::explicit_bzero(at, bytes); }

}  // namespace baton::secret_memory
