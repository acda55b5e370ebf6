#include "relay/refresh.h"

#include "relay/nobody.h"
#include "relay/relay.h"

namespace baton::relay {

using runtime::Task;

class Refreshes::Stream final : public Nobody {
 public:
  Stream(runtime::Loop& loop, Relay& relay, std::shared_ptr<const void> life, const Call& call, BudgetShare share,
         std::shared_ptr<const reuse::KeptReply> reply)
      : Nobody({.peer = call.exchange.peer_address(),
                .text =
                    request_text(request_head(call, /*plain=*/false), "baton-cache: refresh\r\n", call.exchange.body()),
                .share = std::move(share)}),
        loop_(loop),
        relay_(relay),
        life_(std::move(life)),
        caller_(call.caller),
        reply_(std::move(reply)) {
    caller_.proof.reset();  // it was claimed for the call that this one is made for
  }
  ~Stream() override { reply_->end_refresh(loop_.now() + reuse::kRefreshPause); }

  Task<void> ask(edge::Exchange& exchange) { return relay_.serve_as(exchange, caller_); }

 private:
  runtime::Loop& loop_;
  Relay& relay_;
  const std::shared_ptr<const void> life_;
  auth::Caller caller_;
  const std::shared_ptr<const reuse::KeptReply> reply_;
};

Refreshes::Refreshes(const Parts& parts)
    : parts_(parts),
      server_({.loop = parts.loop,
               .config = config_,
               .handler = *this,
               .request_bytes = parts.request_bytes,
               .connections = connections_}) {}

Refreshes::~Refreshes() = default;

void Refreshes::begin(Relay& relay, std::shared_ptr<const void> life, const Call& call,
                      std::shared_ptr<const reuse::KeptReply> reply) {
  BudgetShare share(parts_.reply_bytes);
  if (server_.draining() || server_.open() >= reuse::kRefreshesMax || !share.resize(call.exchange.body().size())) {
    parts_.metrics.refresh_skipped();
    return;
  }
  if (!reply->claim_refresh(parts_.loop.now())) return;
  server_.adopt(
      std::make_unique<Stream>(parts_.loop, relay, std::move(life), call, std::move(share), std::move(reply)));
}

void Refreshes::cut() { server_.cut(); }

Task<void> Refreshes::serve(edge::Exchange& exchange) {
  auto& stream = static_cast<Stream&>(exchange.stream());
  metrics::Held counted = parts_.metrics.refresh();
  co_await stream.ask(exchange);
}

edge::Refusal Refreshes::refuse(http::HeadError, const Error&, std::string_view) { return {}; }

}  // namespace baton::relay
