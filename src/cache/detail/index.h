// Index: from a hash to a number, by open addressing with linear probing and no tombstones. Who asks says whether a
// number is the one meant. Private to cache/. Bounds: 16 bytes a cell, between 3/8 and 3/4 full once it has grown;
// grows by doubling, never shrinks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace baton::cache::detail {

class Index {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};

  template <class Is>
  uint32_t find(uint64_t hash, Is&& is) const {
    if (cells_.empty()) return kNone;
    for (size_t i = hash & mask(); cells_[i].value != kNone; i = (i + 1) & mask()) {
      if (cells_[i].hash == hash && is(cells_[i].value)) return cells_[i].value;
    }
    return kNone;
  }
  uint32_t find(uint64_t hash) const {
    return find(hash, [](uint32_t) { return true; });
  }
  // The pair must not be there yet.
  void insert(uint64_t hash, uint32_t value) {
    if ((count_ + 1) * 4 > cells_.size() * 3) grow();
    place({hash, value});
    ++count_;
  }
  // The pair must be there.
  void erase(uint64_t hash, uint32_t value) {
    size_t hole = hash & mask();
    while (cells_[hole].value != value || cells_[hole].hash != hash) hole = (hole + 1) & mask();
    for (size_t i = (hole + 1) & mask(); cells_[i].value != kNone; i = (i + 1) & mask()) {
      // Whoever would be found later because of the hole moves into it.
      if (((i - cells_[i].hash) & mask()) < ((i - hole) & mask())) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole].value = kNone;
    --count_;
  }
  size_t count() const { return count_; }

 private:
  struct Cell {
    uint64_t hash = 0;
    uint32_t value = kNone;
  };
  size_t mask() const { return cells_.size() - 1; }
  void place(const Cell& cell) {
    size_t i = cell.hash & mask();
    while (cells_[i].value != kNone) i = (i + 1) & mask();
    cells_[i] = cell;
  }
  void grow() {
    std::vector<Cell> old(std::max<size_t>(16, cells_.size() * 2));
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.value != kNone) place(cell);
    }
  }

  std::vector<Cell> cells_;
  size_t count_ = 0;
};

}  // namespace baton::cache::detail
