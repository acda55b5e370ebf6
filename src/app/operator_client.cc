#include "app/operator_client.h"

#include "http/json.h"
#include "http/json_view.h"
#include "net/cares_resolver.h"
#include "net/dialer.h"
#include "upstream/fetch.h"

namespace baton::app {

namespace {

runtime::Task<void> fetch_one(runtime::Loop& loop, upstream::ConnectionPool& pool, upstream::SendOptions options,
                              const upstream::FetchSinks& sinks, std::optional<Expected<int>>& result) {
  runtime::Cancellation cancel;
  auto got = co_await upstream::fetch(loop, pool, options, cancel, sinks);
  result.emplace(std::move(got));
}

// The message of an error reply, or the status.
std::string said(int status, std::string content) {
  const size_t size = content.size();
  content.append(http::kJsonPadding, '\0');
  const std::string_view object(content.data(), size);
  http::JsonScanner scanner;
  std::string room;
  if (scanner.scan_object(object)) {
    const auto message = http::json_text(http::json_member(http::json_member(object, "error"), "message"), room);
    if (!message.empty()) return std::string(message);
  }
  return "the relay answered with status " + std::to_string(status);
}

}  // namespace

struct OperatorClient::Question {
  std::string_view method;
  std::string_view path;
  std::string_view body;
  bool endless = false;
  upstream::FetchSinks sinks;
};

Expected<std::unique_ptr<OperatorClient>> OperatorClient::make(Target target, Secret token) {
  std::unique_ptr<net::TlsClientContext> tls;
  if (target.tls) {
    auto context = net::TlsClientContext::make({.ca_file = target.ca_file, .pins = !target.ca_file.empty()});
    if (!context) return std::unexpected(context.error());
    tls = std::move(*context);
  }
  return std::unique_ptr<OperatorClient>(new OperatorClient(std::move(target), std::move(token), std::move(tls)));
}

OperatorClient::OperatorClient(Target target, Secret token, std::unique_ptr<net::TlsClientContext> tls)
    : target_(std::move(target)),
      token_(std::move(token)),
      poller_(clock_),
      loop_(clock_, poller_),
      metrics_({.accounts = {}, .loops = 1, .version = BATON_VERSION}),
      tls_(std::move(tls)),
      resolver_(std::make_unique<net::CaresResolver>(loop_, poller_, net::CaresOptions{.cache = {}})),
      dialer_(net::make_tcp_dialer(loop_, poller_, *resolver_,
                                   {.target = {.host = target_.address, .port = target_.port, .tls = target_.tls},
                                    .tls = tls_.get(),
                                    .allow_private = true})),
      connections_(std::make_unique<upstream::ConnectionPool>(loop_, *dialer_, config_, metrics_.shard(0))) {}

OperatorClient::~OperatorClient() = default;

Expected<int> OperatorClient::run(const Question& question) {
  const std::string host =
      target_.address.find(':') == std::string::npos ? target_.address : "[" + target_.address + "]";
  std::string head(question.method);
  head.append(" ").append(question.path).append(" HTTP/1.1\r\nhost: ").append(host).append(":");
  head.append(std::to_string(target_.port)).append("\r\nauthorization: Bearer ").append(token_.reveal()).append("\r\n");
  if (question.method != "GET") head.append("content-length: " + std::to_string(question.body.size()) + "\r\n");
  if (!question.body.empty()) head.append("content-type: application/json\r\n");
  head.append("\r\n");
  const Instant now = clock_.now();
  std::optional<Expected<int>> result;
  runtime::TaskGroup group;
  group.spawn(fetch_one(loop_, *connections_,
                        {.head = head,
                         .body = question.body,
                         .first_byte_timeout = kAskLimit,
                         .until = question.endless ? now + std::chrono::hours(24 * 365) : now + kAskLimit},
                        question.sinks, result));
  loop_.run_until([&] { return result.has_value(); });
  return std::move(*result);
}

std::string OperatorClient::nobody(const Error& error) const {
  const std::string where = target_.address + ":" + std::to_string(target_.port);
  if (error.code == ErrorCode::kConnect || error.code == ErrorCode::kConnectTimeout)
    return "no relay answers on " + where + "; start one with `baton serve`, or name its port with --admin";
  if (!target_.tls && (error.code == ErrorCode::kReset || error.code == ErrorCode::kBadReply))
    return where + ": " + error.detail + "; if that port has TLS, name its certificate with --ca";
  return where + ": " + error.detail;
}

Expected<std::string> OperatorClient::ask(std::string_view method, std::string_view path, std::string_view body) {
  std::string content;
  auto status = run({.method = method,
                     .path = path,
                     .body = body,
                     .sinks = {.piece =
                                   [&](std::string_view piece) {
                                     content.append(piece);
                                     return content.size() < kAnswerBytesMax;
                                   },
                               .idle = kAskLimit}});
  if (!status) return fail(status.error().code, Fault::kUs, nobody(status.error()));
  if (*status != 200)
    return fail(*status == 404 ? ErrorCode::kNotFound : ErrorCode::kBadReply, Fault::kUs,
                said(*status, std::move(content)));
  const size_t size = content.size();
  content.append(http::kJsonPadding, '\0');
  http::JsonScanner scanner;
  if (!scanner.scan_object(std::string_view(content.data(), size)))
    return fail(ErrorCode::kBadReply, Fault::kUs, "what answers there is no relay");
  content.resize(size);
  return content;
}

Expected<void> OperatorClient::follow(std::string_view path,
                                      const std::function<bool(std::string_view, std::string_view)>& take) {
  std::string kept;
  int head_status = 0;
  auto status = run({.method = "GET",
                     .path = path,
                     .endless = true,
                     .sinks = {.head = [&](const http::ResponseHead& head) { head_status = head.status; },
                               .piece =
                                   [&](std::string_view piece) {
                                     kept.append(piece);
                                     if (head_status != 200) return kept.size() < kAnswerBytesMax;
                                     for (size_t end = kept.find("\n\n"); end != kept.npos; end = kept.find("\n\n")) {
                                       const std::string event = kept.substr(0, end);
                                       kept.erase(0, end + 2);
                                       const size_t data = event.find("\ndata: ");
                                       if (!event.starts_with("event: ") || data == event.npos) continue;
                                       if (!take(std::string_view(event).substr(7, data - 7),
                                                 std::string_view(event).substr(data + 7)))
                                         return false;
                                     }
                                     return kept.size() < kAnswerBytesMax;
                                   },
                               .idle = std::chrono::seconds(30)}});
  if (head_status != 0 && head_status != 200) return fail(ErrorCode::kBadReply, Fault::kUs, said(head_status, kept));
  if (!status && head_status == 200) return fail(ErrorCode::kReset, Fault::kUs, "the relay has gone");
  if (!status) return fail(status.error().code, Fault::kUs, nobody(status.error()));
  return {};
}

}  // namespace baton::app
