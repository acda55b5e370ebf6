#include "runtime/clock.h"

#include <ctime>

namespace baton::runtime {

namespace {
int64_t read_clock(clockid_t which) {
  timespec ts{};
  clock_gettime(which, &ts);
  return ts.tv_sec * 1'000'000'000 + ts.tv_nsec;
}
}  // namespace

Instant SystemClock::now() const { return {read_clock(CLOCK_MONOTONIC)}; }
WallTime SystemClock::wall() const {
  return WallTime{std::chrono::milliseconds{read_clock(CLOCK_REALTIME) / 1'000'000}};
}

WallTime VirtualClock::wall() const {
  // 2026-01-01T00:00:00Z when the clock stands at its start.
  return WallTime{std::chrono::milliseconds{1'767'225'600'000 + (now_.ns - 1'000'000'000'000) / 1'000'000}};
}

}  // namespace baton::runtime
