// The operator's port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace baton::admin {

struct Config {
  std::string address = "127.0.0.1";
  uint16_t port = 8788;
  std::vector<std::string> hosts;  // names, besides loopback and the address, that a request's Host may carry
};

}  // namespace baton::admin
