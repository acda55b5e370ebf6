#include "upstream/request_coding.h"

#include <cmath>
#include <string>

#include "base/ascii.h"

namespace baton::upstream {

namespace {
constexpr double kInitialWindow = 10 * 1460;  // bytes; it doubles with every round trip
constexpr double kStep = 0.2;
constexpr size_t kErrorBytesMax = 4 * kKiB;

void move(double& value, double sample) { value += kStep * (sample - value); }
}  // namespace

double round_trips(double bytes) { return std::log2(bytes / kInitialWindow + 1); }

http::Coding RequestCoding::choose(size_t bytes, Instant now) const {
  if (compress_ == Compress::kOff || bytes < kBytesMin || bytes > kBytesMax || now < refused_until_)
    return http::Coding::kIdentity;
  if (compress_ == Compress::kAuto) {
    const auto plain = static_cast<double>(bytes);
    const double saved = seconds(round_trip_) * (round_trips(plain) - round_trips(plain / ratio_));
    if (saved <= 2 * plain * ns_per_byte_ * 1e-9) return http::Coding::kIdentity;  // a clear gain or none
  }
  return baton_ ? http::Coding::kZstd : http::Coding::kGzip;
}

void RequestCoding::round_trip(Duration time) {
  if (time.count() <= 0) return;
  if (round_trip_.count() == 0) {
    round_trip_ = time;
    return;
  }
  double smooth = static_cast<double>(round_trip_.count());
  move(smooth, static_cast<double>(time.count()));
  round_trip_ = Duration{static_cast<int64_t>(smooth)};
}

void RequestCoding::packed(size_t plain, size_t bytes, Duration took) {
  if (plain == 0 || bytes == 0) return;
  move(ratio_, static_cast<double>(plain) / static_cast<double>(bytes));
  move(ns_per_byte_, static_cast<double>(took.count()) / static_cast<double>(plain));
}

bool refuses_coding(int status, std::string_view body) {
  if (status == 415) return true;
  if (status != 400) return false;
  std::string text(body.substr(0, kErrorBytesMax));
  for (char& c : text) c = ascii::lower(c);
  return text.find("content-encoding") != text.npos || text.find("content encoding") != text.npos ||
         text.find("gzip") != text.npos;
}

}  // namespace baton::upstream
