// Where traces go, and how many.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/units.h"

namespace baton::trace {

struct Config {
  std::string endpoint;  // of an OTLP/HTTP collector, such as http://127.0.0.1:4318; empty: nothing is traced
  double sample = 0.01;
  std::vector<std::pair<std::string, Secret>> headers;  // of each export: a collector's token
  std::string ca_file;
  bool propagate = false;
  uint64_t queue_calls_max = 4096;
  Duration timeout = std::chrono::seconds(10);  // one export
};

// OTLP's own path, where the endpoint has none.
inline constexpr const char* kTracesPath = "/v1/traces";
inline constexpr size_t kHeadersMax = 16;
inline constexpr size_t kBatchCallsMax = 256;  // in one export
inline constexpr int kTriesMax = 4;            // of one export
inline constexpr Duration kExportEvery = std::chrono::seconds(1);
inline constexpr Duration kFirstPause = std::chrono::seconds(1);  // before the second try; doubles
inline constexpr Duration kLastTries = std::chrono::seconds(1);   // for all that is left when the process ends

}  // namespace baton::trace
