// RequestCoding: in which coding the bodies of requests go to one endpoint. gzip where the operator allows it, zstd
// where the endpoint has shown itself to be another Baton, identity after the endpoint has refused either. With kAuto
// only where it saves time: a large body needs several round trips before TCP lets it through, and packing must cost
// less than those that it saves; on a near link it never does. What is near is measured on the endpoint's own
// connections, so the first large body goes as it is. Life: one per endpoint and loop. Thread: its loop's. Bounds:
// bodies of kBytesMin to kBytesMax, since packing holds the loop meanwhile; a refusal is believed for kRefusedFor.
// Source: RFC 9110 8.4, 15.5.16; RFC 6928 (initial window).
#pragma once

#include <cstddef>
#include <string_view>

#include "base/units.h"
#include "http/content_coding.h"

namespace baton::upstream {

enum class Compress : uint8_t { kOff, kAuto, kAlways };

class RequestCoding {
 public:
  static constexpr size_t kBytesMin = 16 * kKiB;
  static constexpr size_t kBytesMax = 1 * kMiB;
  static constexpr Duration kRefusedFor = std::chrono::hours(1);

  explicit RequestCoding(Compress compress = Compress::kOff) : compress_(compress) {}

  // kIdentity, kGzip or kZstd.
  http::Coding choose(size_t bytes, Instant now) const;
  // Whether the round trip should be measured: it is worth a system call.
  bool wants_round_trip(size_t bytes) const { return compress_ == Compress::kAuto && bytes >= kBytesMin; }
  void round_trip(Duration time);
  // The endpoint is another Baton, which understands zstd.
  void met_baton() { baton_ = true; }
  void refused(Instant now) { refused_until_ = now + kRefusedFor; }
  // A body was packed to so many bytes in so much time.
  void packed(size_t plain, size_t bytes, Duration took);

 private:
  const Compress compress_;
  bool baton_ = false;
  Instant refused_until_{};
  Duration round_trip_{0};   // smoothed; 0: not known
  double ratio_ = 4;         // plain to packed, smoothed
  double ns_per_byte_ = 10;  // of packing, smoothed
};

// Whether an answer says that the coding of the request was not understood.
bool refuses_coding(int status, std::string_view body);

// How many round trips a body takes to leave on a connection that has not sent before.
double round_trips(double bytes);

}  // namespace baton::upstream
