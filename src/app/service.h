// Service: what serves calls on one loop under one Revision: upstream connections, authenticator, relay.
// Life: the Worker holds the newest; each call holds the one it began with. Thread: its loop's.
#pragma once

#include <memory>
#include <vector>

#include "app/revision.h"
#include "app/shared.h"
#include "auth/authenticator.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"
#include "relay/keep_warm.h"
#include "relay/relay.h"
#include "runtime/loop.h"
#include "upstream/connection_pool.h"

namespace baton::app {

// Of a loop and for its whole life; borrowed by every Service on it.
struct LoopParts {
  runtime::Loop& loop;
  net::EpollPoller& poller;
  net::Resolver& resolver;
  runtime::Random& random;
  ledger::Ledger& ledger;
  stream::TapRoom& tap_room;
  reuse::ResumableList& resumables;
  relay::Refreshes& refreshes;
  reuse::SharedReplies* shared_replies;  // or null
  relay::KeepWarm& keep_warm;
  metrics::RelayMetrics::Shard& metrics;
  runtime::TaskGroup& background;  // what runs beside calls
};

class Service {
 public:
  static std::shared_ptr<Service> make(Shared& shared, std::shared_ptr<Revision> revision, const LoopParts& parts);
  relay::Relay& relay() { return *relay_; }
  const Revision& revision() const { return *revision_; }
  // No call begins here any more: idle connections are closed, and none is made in advance.
  void retire();

  // Use make().
  Service(Shared& shared, std::shared_ptr<Revision> revision, const LoopParts& parts);

 private:
  std::shared_ptr<Revision> revision_;
  std::vector<std::unique_ptr<runtime::Dialer>> dialers_;
  std::vector<std::unique_ptr<upstream::ConnectionPool>> pools_;
  std::vector<std::unique_ptr<upstream::RequestCoding>> codings_;  // of endpoints whose bodies may be packed
  auth::Authenticator authenticator_;
  std::weak_ptr<const void> life_;
  std::unique_ptr<relay::Relay> relay_;
};

}  // namespace baton::app
