// ByteBudget: one bound for bytes held by many (request bodies, held replies), over all loops.
// Life: made by the app, outlives every loop. Thread: any. Bounds: taken() <= limit, always.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include "base/check.h"

namespace baton {

class ByteBudget {
 public:
  explicit ByteBudget(size_t limit) : limit_(limit) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // All or nothing.
  bool take(size_t bytes) {
    size_t before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= limit_) return true;
    taken_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void give(size_t bytes) {
    size_t before = taken_.fetch_sub(bytes, std::memory_order_relaxed);
    BATON_CHECK(before >= bytes);
  }
  size_t taken() const { return taken_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> taken_{0};
};

// A part of a budget with one owner; given back when it goes.
class BudgetShare {
 public:
  explicit BudgetShare(ByteBudget& budget) : budget_(&budget) {}
  BudgetShare(BudgetShare&& other) noexcept : budget_(other.budget_), held_(std::exchange(other.held_, 0)) {}
  BudgetShare& operator=(BudgetShare&& other) noexcept {
    release();
    budget_ = other.budget_;
    held_ = std::exchange(other.held_, 0);
    return *this;
  }
  ~BudgetShare() { release(); }

  // Makes the share `bytes` large, up or down; false (and unchanged) when the budget does not have it.
  bool resize(size_t bytes) {
    if (bytes > held_) {
      if (!budget_->take(bytes - held_)) return false;
    } else if (bytes < held_) {
      budget_->give(held_ - bytes);
    }
    held_ = bytes;
    return true;
  }
  void release() { resize(0); }
  size_t held() const { return held_; }

 private:
  ByteBudget* budget_;
  size_t held_ = 0;
};

}  // namespace baton
