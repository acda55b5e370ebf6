// Units: the types that cross module borders instead of bare integers.
// Time is steady (Instant) for everything that waits and wall time (WallTime) only where a person or the vendor reads
// it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace baton {

using Duration = std::chrono::nanoseconds;
// Steady time since an arbitrary origin; simulations start it at a non-zero value.
struct Instant {
  int64_t ns = 0;
  friend auto operator<=>(const Instant&, const Instant&) = default;
  friend Instant operator+(Instant at, Duration by) { return {at.ns + by.count()}; }
  friend Instant operator-(Instant at, Duration by) { return {at.ns - by.count()}; }
  friend Duration operator-(Instant a, Instant b) { return Duration{a.ns - b.ns}; }
};
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;
inline constexpr size_t kGiB = 1024 * kMiB;

inline double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
inline int64_t milliseconds(Duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

}  // namespace baton
