#include "relay/refresh.h"

#include "http/content_coding.h"
#include "http/encode.h"
#include "relay/kept.h"
#include "relay/nobody.h"
#include "relay/relay.h"

namespace baton::relay {

using runtime::Task;

namespace {
constexpr std::string_view kFields = "baton-cache: refresh\r\n";
constexpr size_t kPackFromBytes = 1 * kKiB;
}  // namespace

class Refreshes::Stream final : public Nobody {
 public:
  // For a kept reply, or when a question's time has come.
  struct Of {
    Relay& relay;
    std::shared_ptr<const void> life;
    auth::Caller caller;
    std::shared_ptr<const reuse::KeptReply> reply;
  };
  Stream(runtime::Loop& loop, Request request, std::optional<Of> of)
      : Nobody(std::move(request)), loop_(loop), of_(std::move(of)) {
    if (of_) of_->caller.proof.reset();  // it was claimed for the call that this one is made for
  }
  ~Stream() override {
    if (of_) of_->reply->end_refresh(loop_.now() + reuse::kRefreshPause);
  }

  Task<void> ask(edge::Exchange& exchange, const std::function<Relay&()>& relay) {
    return of_ ? of_->relay.serve_as(exchange, of_->caller) : relay().serve_unasked(exchange);
  }

 private:
  runtime::Loop& loop_;
  std::optional<Of> of_;
};

Refreshes::Refreshes(const Parts& parts)
    : parts_(parts),
      later_(parts.loop, [this](Later later) { begin(std::move(later)); }),
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
  Nobody::Request request{.peer = call.exchange.peer_address(),
                          .text = request_text(request_head(call, /*plain=*/false), kFields, call.exchange.body()),
                          .share = std::move(share)};
  server_.adopt(std::make_unique<Stream>(
      parts_.loop, std::move(request),
      Stream::Of{.relay = relay, .life = std::move(life), .caller = call.caller, .reply = std::move(reply)}));
}

void Refreshes::later(const Call& call, const reuse::Foresight::Plan& plan) {
  if (server_.draining() || call.caller.proof) return;  // what was signed once cannot be sent again
  auto body = plain_body(call);
  if (!body) return;
  Later later{.plan = plan,
              .head = request_head(call, /*plain=*/true),
              .body = std::move(*body),
              .peer = call.exchange.peer_address(),
              .share = BudgetShare(later_bytes_)};
  if (later.body.size() >= kPackFromBytes) {
    if (auto packed = http::encode_whole(http::Coding::kZstd, later.body)) {
      later.body = std::move(*packed);
      later.packed = true;
    }
  }
  later.body.shrink_to_fit();
  if (later_.size() >= reuse::kLaterMax || !later.share.resize(later.head.size() + later.body.size()))
    return parts_.metrics.refresh_skipped();
  later_.add(plan.at, std::move(later));
}

void Refreshes::begin(Later later) {
  BudgetShare share(parts_.reply_bytes);
  if (server_.draining() || server_.open() >= reuse::kRefreshesMax) return parts_.metrics.refresh_skipped();
  const auto advice = parts_.foresight->due(later.plan, parts_.loop.now());
  parts_.metrics.foreseen(advice.ask, advice.no_money, advice.useful, advice.wasted);
  if (!advice.ask) return;
  std::string body = std::move(later.body);
  if (later.packed) {
    auto plain = http::decode_whole(http::Coding::kZstd, body, {.output_bytes_max = reuse::kRequestBytesMax});
    if (!plain) return parts_.metrics.refresh_skipped();
    body = std::move(*plain);
  }
  if (!share.resize(body.size())) return parts_.metrics.refresh_skipped();
  Nobody::Request request{.peer = std::move(later.peer),
                          .text = request_text(std::move(later.head), kFields, body),
                          .share = std::move(share)};
  server_.adopt(std::make_unique<Stream>(parts_.loop, std::move(request), std::nullopt));
}

void Refreshes::cut() {
  later_.clear();
  server_.cut();
}

Task<void> Refreshes::serve(edge::Exchange& exchange) {
  auto& stream = static_cast<Stream&>(exchange.stream());
  metrics::Held counted = parts_.metrics.refresh();
  co_await stream.ask(exchange, parts_.relay);
}

edge::Refusal Refreshes::refuse(http::HeadError, const Error&, std::string_view) { return {}; }

}  // namespace baton::relay
