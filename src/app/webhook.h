// Webhook: tells the operator's address when a share of a budget is spent: one signed POST per warning, on a loop and
// thread of its own, so that no call ever waits for it. The body is JSON; the field baton-signature is
// "t=<unix seconds>,v1=<hex of HMAC-SHA256(secret, t + "." + body)>". Nothing secret is in it.
// Life: made by the app when an address is configured, before the listeners; ended by it. Thread: post() from any.
// Bounds: kQueueMax warnings wait, more are dropped and counted; kTriesMax tries each, with pauses up to kPauseMax.
// Source: RFC 2104; the form is that of other vendors' webhooks.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "app/loop_thread.h"
#include "ledger/budgets.h"
#include "ledger/config.h"
#include "metrics/log.h"
#include "metrics/relay_metrics.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "upstream/connection_pool.h"
#include "upstream/endpoint.h"

namespace baton::app {

// What is posted.
std::string warning_json(const ledger::BudgetWarning& warning);
// One line for the log.
std::string warning_text(const ledger::BudgetWarning& warning);
// The value of baton-signature.
std::string signature_of(std::string_view secret, int64_t unix_seconds, std::string_view body);

class Webhook : public LoopThread {
 public:
  static constexpr size_t kQueueMax = 64;
  static constexpr int kTriesMax = 6;
  static constexpr Duration kPauseFirst = std::chrono::seconds(1);  // doubled after each try
  static constexpr Duration kPauseMax = std::chrono::seconds(30);
  static constexpr Duration kAnswerWait = std::chrono::seconds(10);

  // kConfig: the address cannot be used. The config is checked before (config/).
  static Expected<std::unique_ptr<Webhook>> make(const ledger::Config& config, metrics::RelayMetrics& metrics,
                                                 metrics::Log& log);
  ~Webhook();
  void post(const ledger::BudgetWarning& warning);

 private:
  Webhook(const ledger::Config& config, metrics::RelayMetrics& metrics, metrics::Log& log);
  runtime::Task<void> run();
  runtime::Task<bool> deliver(const std::string& body, std::string& why);

  metrics::RelayMetrics& metrics_;
  metrics::Log& log_;
  const Secret secret_;
  metrics::RelayMetrics::Shard own_metrics_;  // of its connections, which are no upstream's
  upstream::Config config_;
  upstream::Endpoint endpoint_;
  std::unique_ptr<net::TlsClientContext> tls_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<runtime::Dialer> dialer_;
  std::unique_ptr<upstream::ConnectionPool> connections_;
  runtime::Cancellation cancel_;
  runtime::TaskGroup tasks_;
  std::mutex mutex_;
  std::deque<std::string> queue_;  // with the mutex
  bool busy_ = false;              // the loop's
};

}  // namespace baton::app
