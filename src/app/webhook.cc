#include "app/webhook.h"

#include <fmt/format.h>

#include <utility>

#include "base/digest.h"
#include "base/utc.h"
#include "ledger/price_table.h"
#include "metrics/log_text.h"
#include "net/cares_resolver.h"
#include "net/dialer.h"
#include "runtime/wait.h"
#include "upstream/sender.h"

namespace baton::app {

using runtime::Task;

std::string warning_text(const ledger::BudgetWarning& warning) {
  const std::string_view span = warning.span == ledger::Span::kDay ? "day" : "month";
  return fmt::format("budgets: the {} has spent {} % of its {} a {}: {}; it resets at {}", warning.holder,
                     warning.percent, ledger::dollars_text(warning.limit_nanodollars), span,
                     ledger::dollars_text(warning.spent_nanodollars), utc_text(warning.resets_at));
}

std::string warning_json(const ledger::BudgetWarning& warning) {
  std::string out = "{\"event\":\"budget\",\"holder\":";
  metrics::append_quoted(out, warning.holder);
  out += fmt::format(
      ",\"period\":\"{}\",\"percent\":{},\"spent_dollars\":\"{}\",\"limit_dollars\":\"{}\",\"at\":\"{}\","
      "\"resets_at\":\"{}\"}}",
      warning.span == ledger::Span::kDay ? "day" : "month", warning.percent,
      ledger::dollars_text(warning.spent_nanodollars).substr(1),
      ledger::dollars_text(warning.limit_nanodollars).substr(1), utc_text(warning.at), utc_text(warning.resets_at));
  return out;
}

std::string signature_of(std::string_view secret, int64_t unix_seconds, std::string_view body) {
  const std::string time = std::to_string(unix_seconds);
  return "t=" + time + ",v1=" + hex(hmac_sha256(secret, time + "." + std::string(body)));
}

Expected<std::unique_ptr<Webhook>> Webhook::make(const ledger::Config& config, metrics::RelayMetrics& metrics,
                                                 metrics::Log& log) {
  auto endpoint = upstream::parse_endpoint(config.webhook);
  if (!endpoint) return fail(ErrorCode::kConfig, Fault::kUs, "budgets.webhook: " + endpoint.error().detail);
  std::unique_ptr<Webhook> webhook(new Webhook(config, metrics, log));
  webhook->endpoint_ = std::move(*endpoint);
  if (webhook->endpoint_.target.tls) {
    auto tls = net::TlsClientContext::make({});
    if (!tls) return fail(ErrorCode::kConfig, Fault::kUs, "budgets.webhook: " + tls.error().detail);
    webhook->tls_ = std::move(*tls);
  }
  // The address is the operator's own choice, and often a service beside the relay.
  webhook->dialer_ =
      net::make_tcp_dialer(webhook->loop_, webhook->poller_, *webhook->resolver_,
                           {.target = webhook->endpoint_.target, .tls = webhook->tls_.get(), .allow_private = true});
  webhook->connections_ = std::make_unique<upstream::ConnectionPool>(webhook->loop_, *webhook->dialer_,
                                                                     webhook->config_, webhook->own_metrics_);
  webhook->start("baton-webhook");
  return webhook;
}

Webhook::Webhook(const ledger::Config& config, metrics::RelayMetrics& metrics, metrics::Log& log)
    : metrics_(metrics),
      log_(log),
      secret_(config.webhook_secret),
      own_metrics_(metrics),
      resolver_(std::make_unique<net::CaresResolver>(loop_, poller_, net::CaresOptions{})) {}

Webhook::~Webhook() {
  loop_.post([this] {
    cancel_.cancel(runtime::CancelReason::kDrain);
    connections_->close_idle();
  });
  finish([this] { return tasks_.size() == 0; });
}

void Webhook::post(const ledger::BudgetWarning& warning) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= kQueueMax) {
      metrics_.webhook(metrics::RelayMetrics::Webhook::kDropped);
      return;
    }
    queue_.push_back(warning_json(warning));
  }
  loop_.post([this] {
    if (!std::exchange(busy_, true)) tasks_.spawn(run());
  });
}

Task<void> Webhook::run() {
  while (!cancel_.cancelled()) {
    std::string body;
    {
      std::lock_guard lock(mutex_);
      if (queue_.empty()) break;
      body = std::move(queue_.front());
      queue_.pop_front();
    }
    Duration pause = kPauseFirst;
    std::string why;
    bool sent = false;
    for (int tries = 0; tries < kTriesMax && !cancel_.cancelled(); ++tries) {
      if (tries > 0) {
        co_await runtime::wait(loop_, {.cancel = &cancel_, .until = loop_.now() + pause});
        pause = std::min(2 * pause, kPauseMax);
      }
      sent = co_await deliver(body, why);
      if (sent) break;
    }
    metrics_.webhook(sent ? metrics::RelayMetrics::Webhook::kSent : metrics::RelayMetrics::Webhook::kFailed);
    if (!sent) log_.trouble("webhook", "budgets: the webhook could not be told: " + why);
  }
  busy_ = false;
}

Task<bool> Webhook::deliver(const std::string& body, std::string& why) {
  const int64_t now = std::chrono::floor<std::chrono::seconds>(loop_.wall()).time_since_epoch().count();
  const std::string path = endpoint_.path_prefix.empty() ? "/" : endpoint_.path_prefix;
  const std::string head =
      "POST " + path + " HTTP/1.1\r\nhost: " + endpoint_.host +
      "\r\nuser-agent: baton\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
      "\r\nbaton-signature: " + signature_of(secret_.reveal(), now, body) + "\r\n\r\n";
  const upstream::SendOptions options{
      .head = head, .body = body, .fresh = true, .first_byte_timeout = kAnswerWait, .until = loop_.now() + kAnswerWait};
  auto reply = co_await upstream::send(loop_, *connections_, options, cancel_);
  if (!reply) {
    why = reply.error().detail;
    co_return false;
  }
  const int status = reply->status();
  reply->finish(*connections_, /*ended_cleanly=*/false);
  why = "it answered " + std::to_string(status);
  co_return status >= 200 && status < 300;
}

}  // namespace baton::app
