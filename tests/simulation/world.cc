#include "tests/simulation/world.h"

#include <gtest/gtest.h>

#include "base/ascii.h"
#include "http/sse.h"
#include "runtime/wait.h"

namespace baton::simulation {

using runtime::Task;

namespace {
metrics::RelayMetrics::Options metric_options(const WorldOptions& options) {
  std::vector<std::string> names;
  for (size_t i = 0; i < options.accounts; ++i) names.push_back("account-" + std::to_string(i));
  return {.accounts = names, .loops = 1, .version = "test"};
}
}  // namespace

std::string Seen::field(std::string_view name) const {
  std::string wanted = "\r\n" + std::string(name) + ": ";
  size_t at = head.find(wanted);
  if (at == std::string::npos) return {};
  at += wanted.size();
  return head.substr(at, head.find("\r\n", at) - at);
}

World::World(WorldOptions options)
    : options_(std::move(options)),
      poller_(clock),
      loop_(clock, poller_),
      random_(options_.seed),
      simulator_(options_.sim),
      sim_handler_(simulator_, {}),
      authenticator_(options_.auth),
      metrics_(metric_options(options_)),
      log_(clock, -1),
      bindings_({}, clock, log_) {
  access_log_ = std::move(*ledger::AccessLog::open({.access_log = "off"}, metrics_, log_));
  ledger_ = std::make_unique<ledger::Ledger>(loop_, metrics_.shard(0), *access_log_);
  ledger_->observe([this](const model::Outcome& outcome) { outcomes.push_back(outcome); });
  sim_server_ = std::make_unique<edge::Server>(edge::Server::Parts{
      .loop = loop_, .config = sim_edge_, .handler = sim_handler_, .request_bytes = sim_bytes_, .connections = sim_connections_});
  account_configs_.resize(options_.accounts);
  endpoints_.resize(options_.accounts);
  std::vector<relay::Line> lines;
  for (size_t i = 0; i < options_.accounts; ++i) {
    account_configs_[i].name = "account-" + std::to_string(i);
    account_configs_[i].key = Secret(key(i));
    endpoints_[i] = *upstream::parse_endpoint("http://upstream-" + std::to_string(i));
    dialers.push_back(std::make_unique<MemoryDialer>(random_, options_.upstream_weather, [this, i](StreamPair& pair) {
      upstream_replies.push_back(std::make_shared<std::string>());
      pair.b_to_a->record = upstream_replies.back();
      if (on_dial) on_dial(pair, i);
      sim_server_->adopt(std::move(pair.b));
    }));
    pools_.push_back(std::make_unique<upstream::ConnectionPool>(loop_, *dialers[i], options_.upstream, metrics_.shard(0)));
    lines.push_back({.party = {.endpoint = &endpoints_[i], .key = &account_configs_[i].key, .simulated = true},
                     .connections = pools_[i].get()});
  }
  accounts_ = std::make_unique<accounts::AccountPool>(account_configs_);
  relay_ = std::make_unique<relay::Relay>(relay::Parts{
      .loop = loop_, .random = random_, .authenticator = authenticator_, .accounts = *accounts_, .attempts_max = options_.attempts_max,
      .lines = std::move(lines), .upstream = options_.upstream, .stream = options_.stream, .write_stall = options_.edge.write_stall_timeout,
      .reply_bytes = reply_bytes, .bindings = bindings_, .metrics = metrics_.shard(0), .ledger = *ledger_, .tap_room = tap_room_, .public_url = {}});
  server_ = std::make_unique<edge::Server>(edge::Server::Parts{.loop = loop_, .config = options_.edge, .handler = *relay_,
                                                               .request_bytes = request_bytes, .connections = connections_,
                                                               .metrics = &metrics_.shard(0)});
}

World::~World() {
  server_->cut();
  sim_server_->cut();
  for (auto& pool : pools_) pool->close_idle();
  int turns = 0;
  loop_.run_until([&] { return (server_->settled() && sim_server_->settled()) || ++turns > 100'000; });
  pools_.clear();
  ledger_.reset();
  // What timers remain (the ledger's flush) goes with its owner.
}

std::string World::body(bool stream, std::string_view text, std::string_view more) {
  return "{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":64,\"stream\":" + std::string(stream ? "true" : "false") + std::string(more) +
         ",\"messages\":[{\"role\":\"user\",\"content\":\"" + std::string(text) + "\"}]}";
}

Task<void> World::run_client(const Script& script, Seen& seen) {
  if (script.start.count() > 0) co_await runtime::sleep_until(loop_, loop_.now() + script.start);
  StreamPair pair = make_pair(random_, options_.client_weather, "127.0.0.1", "127.0.0.1");
  auto stream = std::move(pair.a);
  server_->adopt(std::move(pair.b));
  const Instant began = loop_.now();
  const Instant leave = script.leave_after ? began + *script.leave_after : runtime::kNever;
  std::string request = script.method + " " + script.path + " HTTP/1.1\r\nhost: localhost\r\n" + script.fields;
  if (!script.body.empty() || script.method == "POST") {
    request += "content-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: any\r\n";
    request += script.chunked ? "transfer-encoding: chunked\r\n" : "content-length: " + std::to_string(script.body.size()) + "\r\n";
  }
  request += "\r\n";
  net::BodyWriter writer(*stream, script.chunked ? http::Framing::kChunked : http::Framing::kUntilClose);
  bool open = writer.write(request, script.body, true);
  std::string raw;
  http::ResponseHead head;
  http::HeadError error;
  size_t scanned = 0;
  bool have_head = false;
  net::BodyReader reader;
  uint64_t received = 0;
  while (open) {
    auto ready = co_await runtime::wait(loop_, {.read = stream.get(), .write = writer.pending() > 0 ? stream.get() : nullptr, .until = leave});
    peak_request_bytes = std::max(peak_request_bytes, request_bytes.taken());
    if (ready & runtime::kTimedOut) {
      seen.left = true;
      break;
    }
    if (ready & runtime::kWritable) writer.flush();
    if (!(ready & runtime::kReadable)) continue;
    char bytes[3000];
    size_t most = sizeof bytes;
    if (script.leave_after_bytes) most = std::min<size_t>(most, static_cast<size_t>(*script.leave_after_bytes - received));
    auto got = stream->try_read(std::span<char>(bytes, std::max<size_t>(most, 1)));
    if (got.status == runtime::IoStatus::kBlocked) continue;
    if (got.status == runtime::IoStatus::kReset) break;
    if (got.status == runtime::IoStatus::kEof) {
      seen.complete = have_head && head.framing == http::Framing::kUntilClose;
      break;
    }
    if (received == 0) seen.first_byte = loop_.now() - began;
    received += got.bytes;
    if (!have_head) {
      raw.append(bytes, got.bytes);
      auto status = http::parse_response(raw, scanned, {}, script.method == "HEAD", head, error);
      if (status == http::ParseStatus::kError) {
        ADD_FAILURE() << "the relay's reply is malformed: " << raw;
        break;
      }
      if (status == http::ParseStatus::kDone && head.status == 100) {
        raw.erase(0, head.bytes);
        scanned = 0;
      } else if (status == http::ParseStatus::kDone) {
        have_head = true;
        seen.status = head.status;
        seen.head = raw.substr(0, head.bytes);
        reader = net::BodyReader(head.framing, head.content_length);
        std::string rest = raw.substr(head.bytes);
        seen.body.append(reader.decode({rest.data(), rest.size()}).data);
      }
    } else {
      auto result = reader.decode({bytes, got.bytes});
      EXPECT_NE(result.status, net::BodyReader::Status::kMalformed);
      seen.body.append(result.data);
    }
    if (have_head && reader.done()) {
      seen.complete = true;
      break;
    }
    if (script.leave_after_bytes && received >= *script.leave_after_bytes) {
      seen.left = true;
      break;
    }
    if (script.read_pause.count() > 0) co_await runtime::sleep_until(loop_, loop_.now() + script.read_pause);
  }
  seen.total = loop_.now() - began;
  stream->close(random_.chance(0.5) && seen.left);
  http::SseScanner scanner;
  scanner.feed(seen.body, [&](const http::SseEvent& event) { seen.events.emplace_back(event.name); });
}

std::vector<Seen> World::play(const std::vector<Script>& scripts) {
  std::vector<Seen> seen(scripts.size());
  for (size_t i = 0; i < scripts.size(); ++i) clients_.spawn(run_client(scripts[i], seen[i]));
  loop_.run_until([&] { return clients_.size() == 0 || poller_.stuck(); });
  EXPECT_FALSE(poller_.stuck()) << "everybody waits for ever";
  // At rest: nobody is served any more, on either side.
  const Instant limit = clock.now() + std::chrono::minutes(5);
  loop_.run_until([&] {
    return (server_->busy() == 0 && server_->open() == 0 && simulator_.books().open == 0) || poller_.stuck() || clock.now() > limit;
  });
  return seen;
}

std::optional<double> World::metric(std::string_view name) const {
  std::string text = "\n" + metrics_.text();
  size_t at = text.find("\n" + std::string(name) + " ");
  if (at == std::string::npos) return std::nullopt;
  return std::stod(text.substr(at + name.size() + 2));
}

void World::check() {
  for (const char* gauge : {"baton_calls_in_flight", "baton_streams_open", "baton_client_connections",
                            "baton_upstream_connections{state=\"active\"}"}) {
    auto value = metric(gauge);
    ASSERT_TRUE(value) << gauge;
    EXPECT_EQ(*value, 0) << gauge;
  }
  EXPECT_EQ(request_bytes.taken(), 0u);
  EXPECT_EQ(reply_bytes.taken(), 0u);
  for (accounts::AccountIndex i = 0; i < accounts_->size(); ++i) EXPECT_EQ(accounts_->in_flight(i), 0);
  EXPECT_EQ(simulator_.books().open, 0u);
  EXPECT_EQ(connections_.load(), 0);
}

}  // namespace baton::simulation
