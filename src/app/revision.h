// Revision: one configuration in force and what all loops make of it. A reload makes the next one; calls that began
// under the one before finish there, and it goes with the last of them.
// Life: shared by the Services that use it. Thread: any; nothing of it changes but the pool, which is safe by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "accounts/pool.h"
#include "base/error.h"
#include "config/settings.h"
#include "model/trace_context.h"
#include "net/tls_context.h"
#include "runtime/clock.h"
#include "upstream/endpoint.h"

namespace baton::app {

struct Revision {
  // kConfig with a sentence when a base_url or a CA file cannot be used. Borrows the clock.
  static Expected<std::shared_ptr<Revision>> make(config::Settings settings, uint64_t number,
                                                  const runtime::Clock& clock);

  Revision(config::Settings from, uint64_t its_number, const runtime::Clock& clock);

  const uint64_t number;  // 1 at the start, one more with each reload
  const WallTime made;
  config::Settings settings;
  model::TraceRules tracing;
  accounts::AccountPool accounts;
  std::vector<std::vector<upstream::Endpoint>> endpoints;          // per account, base_url first
  std::vector<std::unique_ptr<net::TlsClientContext>> client_tls;  // per account; null for plain
};

}  // namespace baton::app
