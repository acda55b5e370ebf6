// The operator's port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/units.h"

namespace baton::admin {

enum class Role : uint8_t { kRead, kOperate };  // the second may what the first may, and change things

struct TokenConfig {
  std::string name;
  Secret token;
  Role role = Role::kRead;
};

inline constexpr size_t kTokensMax = 64;
inline constexpr size_t kTokenBytesMin = 32;
inline constexpr size_t kTokenBytesMax = 512;

// Of each token, and of all wrong ones from one network.
inline constexpr double kCallsPerSecond = 20;
inline constexpr double kCallsAtOnce = 60;
inline constexpr double kWrongTokensPerMinute = 20;
inline constexpr size_t kNetworksMax = 1024;  // whose wrong tokens are counted apart; others share a count

inline constexpr size_t kBodyBytesMax = 64 * kKiB;  // of a request
inline constexpr size_t kListenersMax = 16;         // of the live feed
inline constexpr size_t kLiveCallsPerSecond = 20;   // events of the live feed; others are counted
inline constexpr size_t kDeskJobsMax = 32;          // that wait for the thread that waits for the disk

struct Config {
  std::string address = "127.0.0.1";
  uint16_t port = 8788;
  std::vector<std::string> hosts;   // names, besides loopback and the address, that a request's Host may carry
  bool metrics_need_token = false;  // /metrics is for who has a token
};

}  // namespace baton::admin
