#include "app/account_probe.h"

#include "accounts/stated.h"
#include "admin/json_writer.h"
#include "http/json.h"
#include "http/json_view.h"
#include "net/cares_resolver.h"
#include "net/dialer.h"
#include "upstream/fetch.h"

namespace baton::app {

namespace {

// The content, when it is one JSON object.
std::string checked(std::string content) {
  const size_t size = content.size();
  content.append(http::kJsonPadding, '\0');
  http::JsonScanner scanner;
  if (!scanner.scan_object(std::string_view(content.data(), size))) return {};
  content.resize(size);
  return content;
}

std::vector<std::string> models_of(std::string_view content) {
  std::vector<std::string> out;
  http::JsonElements models(http::json_member(content, "data"));
  while (models.next() && out.size() < AccountProbe::kModelsMax) {
    std::string room;
    const std::string_view id = http::json_text(http::json_member(models.value, "id"), room);
    if (!id.empty()) out.emplace_back(id.substr(0, 256));
  }
  return out;
}

std::string error_of(int status, std::string_view content) {
  std::string room;
  const std::string_view error = http::json_member(content, "error");
  const std::string_view message = http::json_text(http::json_member(error, "message"), room);
  return "status " + std::to_string(status) + (message.empty() ? "" : ": " + std::string(message.substr(0, 512)));
}

std::string head_of(std::string_view method, std::string_view path, const upstream::Endpoint& endpoint,
                    const accounts::AccountConfig& account, size_t body_bytes) {
  std::string head(method);
  head.append(" ").append(endpoint.path_prefix).append(path).append(" HTTP/1.1\r\nhost: ").append(endpoint.host);
  head.append("\r\nx-api-key: ").append(account.key.reveal());
  head.append(
      "\r\nanthropic-version: 2023-06-01\r\naccept: application/json\r\naccept-encoding: identity\r\nuser-agent: "
      "baton/" BATON_VERSION "\r\n");
  if (body_bytes > 0)
    head.append("content-type: application/json\r\ncontent-length: " + std::to_string(body_bytes) + "\r\n");
  return head.append("\r\n");
}

}  // namespace

struct AccountProbe::Answer {
  int status = 0;
  std::string error;
  Duration latency{0};
  std::string content;
  accounts::Stated stated;
};

AccountProbe::AccountProbe(Shared& shared, runtime::Loop& loop, net::EpollPoller& poller)
    : shared_(shared),
      loop_(loop),
      poller_(poller),
      resolver_(std::make_unique<net::CaresResolver>(loop, poller, net::CaresOptions{.cache = {}})),
      metrics_({.accounts = {}, .loops = 1, .version = BATON_VERSION}) {}

AccountProbe::~AccountProbe() = default;

runtime::Task<admin::ApiReply> AccountProbe::probe(std::string name, runtime::Cancellation& cancel) {
  const std::shared_ptr<Revision> revision = shared_.current();
  const auto index = revision->accounts.find(name);
  if (!index) co_return admin::api_error(404, "There is no account of this name.");
  const config::Settings& settings = revision->settings;
  const accounts::AccountConfig& account = settings.accounts.accounts[*index];
  if (account.passthrough)
    co_return admin::api_error(409, "This account passes on its callers' credentials and has none of its own to test.");
  const upstream::Endpoint& endpoint = revision->endpoints[*index].front();
  auto dialer = net::make_tcp_dialer(loop_, poller_, *resolver_,
                                     {.target = endpoint.target,
                                      .connect_timeout = settings.upstream.connect_timeout,
                                      .tls_handshake_timeout = settings.upstream.tls_handshake_timeout,
                                      .address_stagger = settings.upstream.address_stagger,
                                      .tls = revision->client_tls[*index].get(),
                                      .proxy_url = account.proxy,
                                      .allow_private = account.allow_private});
  upstream::ConnectionPool connections(loop_, *dialer, settings.upstream, metrics_.shard(0));
  const Instant until = loop_.now() + kLimit;
  Answer answer;
  upstream::FetchSinks sinks{
      .head = [&](const http::ResponseHead& head) { answer.stated = accounts::read_stated(head, loop_.wall()); },
      .piece =
          [&](std::string_view piece) {
            answer.content.append(piece.substr(0, kReplyBytesMax - std::min(kReplyBytesMax, answer.content.size())));
            return answer.content.size() < kReplyBytesMax;
          }};
  std::vector<std::string> models;
  for (const bool count : {false, true}) {
    const std::string model = models.empty() ? "claude-haiku-4-5" : models.back();
    std::string body;
    if (count) {
      body = "{\"model\":";
      http::append_json_string(body, model);
      body += ",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";
    }
    const std::string head = count ? head_of("POST", "/v1/messages/count_tokens", endpoint, account, body.size())
                                   : head_of("GET", "/v1/models", endpoint, account, 0);
    answer.content.clear();
    const Instant began = loop_.clock().now();
    auto status = co_await upstream::fetch(
        loop_, connections, {.head = head, .body = body, .first_byte_timeout = kLimit, .until = until}, cancel, sinks);
    answer.latency = loop_.clock().now() - began;
    if (!status) {
      answer.status = 0;
      answer.error = status.error().detail;
      break;
    }
    answer.status = *status;
    answer.content = checked(std::move(answer.content));
    if (*status != 200) {
      answer.error = error_of(*status, answer.content);
      break;
    }
    if (!count) models = models_of(answer.content);
  }
  admin::ApiReply reply{.outcome = answer.error.empty() ? "" : answer.error};
  admin::JsonWriter json(reply.body);
  json.begin_object().field("name", name).field("status", answer.status).ms_field("latency_ms", answer.latency);
  json.key("limits").begin_object();
  constexpr std::string_view kMeters[] = {"requests", "input_tokens", "output_tokens"};
  for (size_t i = 0; i < 3; ++i) {
    const accounts::Meter::Stated& stated = answer.stated.limits.meters[i];
    json.key(kMeters[i]);
    if (stated.limit <= 0) {
      json.null();
    } else {
      json.begin_object().field("limit", static_cast<int64_t>(stated.limit));
      json.field("remaining", static_cast<int64_t>(stated.remaining)).end_object();
    }
  }
  json.end_object().key("models").begin_array();
  for (const std::string& model : models) json.text(model);
  json.end_array().key("error");
  if (answer.error.empty()) {
    json.null();
  } else {
    json.text(answer.error);
  }
  json.end_object();
  co_return reply;
}

void AccountProbe::serve(admin::Api& api) {
  api.on(admin::Operation::kTestAccount,
         [this](const admin::ApiCall& call) { return probe(call.names[0], *call.cancel); });
}

}  // namespace baton::app
