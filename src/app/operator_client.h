// OperatorClient: a command's connection to the operator's port of a running relay, with the token of its data folder.
// Life: during one command. Thread: one; it waits. Bounds: kAnswerBytesMax, kAskLimit for one question; following ends
// when its taker says so or the relay goes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "metrics/relay_metrics.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "upstream/connection_pool.h"

namespace baton::app {

class OperatorClient {
 public:
  static constexpr size_t kAnswerBytesMax = 64 * kMiB;
  static constexpr Duration kAskLimit = std::chrono::seconds(60);

  struct Target {
    std::string address;
    uint16_t port = 0;
    bool tls = false;
    std::string ca_file = {};  // whom to trust, or the certificate itself; empty: the system's issuers
  };
  // kConfig: the CA file cannot be used.
  static Expected<std::unique_ptr<OperatorClient>> make(Target target, Secret token);
  ~OperatorClient();

  // The answer's JSON when its status is 200. Otherwise one sentence: nobody listens there, or what the relay said
  // (kNotFound for 404).
  Expected<std::string> ask(std::string_view method, std::string_view path, std::string_view body = {});
  // Server-sent events until `take` gives false.
  Expected<void> follow(std::string_view path,
                        const std::function<bool(std::string_view event, std::string_view data)>& take);

 private:
  struct Question;
  Expected<int> run(const Question& question);
  std::string nobody(const Error& error) const;
  OperatorClient(Target target, Secret token, std::unique_ptr<net::TlsClientContext> tls);

  Target target_;
  Secret token_;
  runtime::SystemClock clock_;
  net::EpollPoller poller_;
  runtime::Loop loop_;
  metrics::RelayMetrics metrics_;
  upstream::Config config_;
  std::unique_ptr<net::TlsClientContext> tls_;  // null: plain
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<runtime::Dialer> dialer_;
  std::unique_ptr<upstream::ConnectionPool> connections_;
};

}  // namespace baton::app
