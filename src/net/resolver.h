// Resolver: from a host to its addresses.
// Life: one per loop, outlives its dialers. Thread: one loop. Bounds: kAddressesMax addresses an answer.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "net/address.h"
#include "runtime/cancel.h"
#include "runtime/task.h"

namespace baton::net {

class Resolver {
 public:
  static constexpr size_t kAddressesMax = 64;

  virtual ~Resolver() = default;
  // At least one address, in the order the resolver gave; a numeric host is its own answer. kConnect: there is no such
  // host, or no address of it, or no server to ask. kConnectTimeout: no server answered. kOverloaded: a bound is
  // reached. kCancelled.
  virtual runtime::Task<Expected<std::vector<IpAddress>>> resolve(std::string host, runtime::Cancellation& cancel) = 0;
};

}  // namespace baton::net
