// AccountProbe: asks one account something real and cheap, as the operator wants to know whether it works: the models
// that it may use (GET /v1/models), then the tokens of one short prompt (POST /v1/messages/count_tokens). Neither is
// charged. The account's state in the pool does not matter, and learns nothing from it.
// Life: made in app/, outlives the Api. Thread: the operator's loop, with connections of its own. Bounds: kLimit for
// all of it, kReplyBytesMax per answer; the API's own rate.
// Source: the vendor's Models and count_tokens pages (read 2026-11).
#pragma once

#include <memory>
#include <string>

#include "admin/api.h"
#include "app/shared.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"

namespace baton::app {

class AccountProbe {
 public:
  static constexpr Duration kLimit = std::chrono::seconds(20);
  static constexpr size_t kReplyBytesMax = 1 * kMiB;
  static constexpr size_t kModelsMax = 200;

  AccountProbe(Shared& shared, runtime::Loop& loop, net::EpollPoller& poller);
  ~AccountProbe();
  void serve(admin::Api& api);

 private:
  struct Answer;
  runtime::Task<admin::ApiReply> probe(std::string name, runtime::Cancellation& cancel);

  Shared& shared_;
  runtime::Loop& loop_;
  net::EpollPoller& poller_;
  std::unique_ptr<net::Resolver> resolver_;
  metrics::RelayMetrics metrics_;  // its connections are not the relay's
};

}  // namespace baton::app
