// Parts: what a relay is made of, handed over by the app. Everything is borrowed and outlives the relay.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "accounts/pool.h"
#include "auth/authenticator.h"
#include "auth/nonce_store.h"
#include "base/byte_budget.h"
#include "base/memory_pressure.h"
#include "ledger/budgets.h"
#include "ledger/ledger.h"
#include "metrics/relay_metrics.h"
#include "reuse/flights.h"
#include "reuse/foresight.h"
#include "reuse/reply_store.h"
#include "reuse/resumable.h"
#include "reuse/shared_replies.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "similar/memory.h"
#include "store/id_bindings.h"
#include "stream/config.h"
#include "stream/usage_tap.h"
#include "upstream/config.h"
#include "upstream/connection_pool.h"
#include "upstream/heads.h"
#include "upstream/request_coding.h"

namespace baton::relay {

class KeepWarm;
class Refreshes;

// How the relay reaches one endpoint of an account.
struct Line {
  upstream::Party party;
  upstream::ConnectionPool* connections = nullptr;
  upstream::RequestCoding* coding = nullptr;  // null: bodies go as they are
};

struct Parts {
  runtime::Loop& loop;
  runtime::Random& random;
  const auth::Authenticator& authenticator;
  accounts::AccountPool& accounts;
  uint32_t attempts_max;
  std::vector<std::vector<Line>> lines;  // by account, in the order of the AccountPool, then by endpoint
  const upstream::Config& upstream;
  const stream::Config& stream;
  Duration write_stall;     // a client that takes nothing
  ByteBudget& reply_bytes;  // replies held whole
  store::IdBindings& bindings;
  metrics::RelayMetrics::Shard& metrics;
  ledger::Ledger& ledger;
  stream::TapRoom& tap_room;                           // of this loop
  ledger::Budgets* budgets = nullptr;                  // of all loops; null: nobody has one
  const model::TraceRules* tracing = nullptr;          // null: no call is in a trace
  auth::NonceStore* nonces = nullptr;                  // of all loops; null: no signed request is served
  const MemoryPressure* pressure = nullptr;            // of the process; null: nobody watches it
  reuse::ReplyStore* replies = nullptr;                // of all loops; null: nothing is reused
  reuse::SharedReplies* shared = nullptr;              // of this loop; null: nothing is shared with other relays
  similar::Memory* similar = nullptr;                  // of all loops; null: nothing similar is reused
  reuse::Foresight* foresight = nullptr;               // of all loops; null: nothing is asked for ahead
  reuse::Flights* flights = nullptr;                   // of all loops; null: every call is made by itself
  reuse::Resumables* resumables = nullptr;             // of all loops; null: no stream can be resumed
  reuse::ResumableList* resumables_of_loop = nullptr;  // with the one before
  Refreshes* refreshes = nullptr;                      // of this loop; null: nothing is asked anew beside calls
  KeepWarm* keep_warm = nullptr;                       // of this loop; null: no prompt is kept warm, or learnt of
  std::string public_url;                              // the relay's own origin, or empty: from the request
  bool tls = false;                                    // of the listener, for that origin
  bool simulated = false;
  // What keeps all of this alive while a call is served, when a reload may replace it meanwhile; or nothing.
  const std::weak_ptr<const void>* life = nullptr;
};

}  // namespace baton::relay
