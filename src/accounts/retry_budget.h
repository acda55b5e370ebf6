// RetryBudget bounds how many repeated attempts are under way at once, as a share of the calls under way, so that a
// failing upstream is not asked several times as much as a healthy one. A repetition counts from its decision, through
// its pause, to its verdict. Life: one per AccountPool; a Hold must not outlive it. Thread: any (two atomics). Source:
// Envoy's retry budget.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "accounts/config.h"

namespace baton::accounts {

class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetConfig& config) : config_(config) {}

  class [[nodiscard]] Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(of_, other.of_);
      return *this;
    }
    ~Hold() {
      if (of_ != nullptr) of_->fetch_sub(1, std::memory_order_relaxed);
    }
    explicit operator bool() const { return of_ != nullptr; }

   private:
    friend class RetryBudget;
    explicit Hold(std::atomic<int64_t>& of) : of_(&of) {}
    std::atomic<int64_t>* of_ = nullptr;
  };

  Hold call() {
    calls_.fetch_add(1, std::memory_order_relaxed);
    return Hold(calls_);
  }
  // Empty when the budget is spent: then the call is not repeated.
  Hold repetition() {
    const auto share =
        static_cast<int64_t>(config_.share * static_cast<double>(calls_.load(std::memory_order_relaxed)));
    const int64_t most = std::max(share, static_cast<int64_t>(config_.least));
    int64_t now = repetitions_.load(std::memory_order_relaxed);
    while (now < most) {
      if (repetitions_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return Hold(repetitions_);
    }
    return Hold();
  }
  int64_t calls() const { return calls_.load(std::memory_order_relaxed); }
  int64_t repetitions() const { return repetitions_.load(std::memory_order_relaxed); }

 private:
  const RetryBudgetConfig config_;
  std::atomic<int64_t> calls_{0};
  std::atomic<int64_t> repetitions_{0};
};

}  // namespace baton::accounts
