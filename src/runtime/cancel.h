// Cancellation: one flag a whole call looks at. The client has gone, a deadline passed and a drain ended are the same
// signal with different reasons; whoever waits resumes and returns an error. Life: on the frame of the call it belongs
// to. Thread: one loop.
#pragma once

#include <cstdint>

#include "runtime/wake.h"

namespace baton::runtime {

enum class CancelReason : uint8_t { kNone, kClientGone, kDeadline, kDrain };

class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void cancel(CancelReason reason) {
    if (reason_ != CancelReason::kNone) return;
    reason_ = reason;
    slot.notify();
  }
  bool cancelled() const { return reason_ != CancelReason::kNone; }
  CancelReason reason() const { return reason_; }
  // Where the call's one waiting coroutine stands.
  Slot slot;

 private:
  CancelReason reason_ = CancelReason::kNone;
};

}  // namespace baton::runtime
