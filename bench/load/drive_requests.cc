#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "cpu_meter.h"
#include "drive.h"
#include "error_counts.h"
#include "http_text.h"
#include "messages.h"
#include "percentiles.h"
#include "support.h"
#include "tls.h"

namespace baton::load {

namespace {

constexpr uint64_t kConnectNs = 10 * kNanosPerSecond;
constexpr uint64_t kDrainNs = 10 * kNanosPerSecond;

volatile std::sig_atomic_t told_to_end = 0;

struct Client {
  int fd = -1;
  std::unique_ptr<TlsSession> tls;
  bool up = false;
  bool busy = false;
  uint64_t asked_ns = 0;  // when the request was sent, or was to be sent
  std::string request;
  size_t sent = 0;
  ReplyReader reply;
  size_t body_bytes = 0;
  bool same = true;
};

class RequestRun {
 public:
  explicit RequestRun(const Flags& flags);
  int run();

 private:
  void connect(Client& client);
  void reconnect(Client& client, const std::string& error);
  void on_ready(Client& client, bool ended);
  bool read_replies(Client& client, bool ended);
  void begin(Client& client, uint64_t asked_ns);
  void send_rest(Client& client);
  void finish(Client& client);
  void turn_idle(Client& client);

  // Waits until `until_ns`, or until `enough()`, serving sockets and the schedule of the open loop.
  template <typename Enough>
  void serve(uint64_t until_ns, Enough&& enough);
  void keep_schedule();
  uint64_t busy() const;

  const uint16_t port_;
  const uint64_t warmup_ns_, window_ns_;
  const uint64_t interval_ns_;  // 0: closed loop
  const uint64_t most_;         // requests in all; 0: as many as the window holds
  const std::string expect_;
  RequestText request_;
  const std::unique_ptr<ClientTls> tls_;
  Poller poller_;
  CpuMeter meter_;
  std::vector<Client> clients_;
  std::deque<size_t> idle_;       // open loop: who may send
  std::deque<uint64_t> waiting_;  // open loop: intended times that found nobody idle
  uint64_t next_ns_ = 0;
  uint64_t window_from_ns_ = 0, window_to_ns_ = 0;
  bool running_ = false, counting_ = false;
  uint64_t serial_ = 0, requests_ = 0, reconnects_ = 0, connected_ = 0;
  Percentiles latency_;
  ErrorCounts errors_;
  std::array<char, 64 * 1024> buffer_;
};

RequestShape shape_of(const Flags& flags) {
  return {.key = flags.text("key", "bench"),
          .bench = flags.text("bench", ""),
          .body_bytes = flags.number("body-bytes", 2117),
          .stream = flags.text("bench", "").starts_with("stream"),
          .distinct = flags.number("distinct", 0) != 0};
}

uint64_t nanos(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

RequestRun::RequestRun(const Flags& flags)
    : port_(static_cast<uint16_t>(flags.number("port", 0))),
      warmup_ns_(nanos(flags.real("warmup", 0.3))),
      window_ns_(nanos(flags.real("seconds", 2))),
      interval_ns_(flags.number("rate", 0) == 0 ? 0 : kNanosPerSecond / flags.number("rate", 0)),
      most_(flags.number("requests", 0)),
      expect_(flags.has("expect") ? read_file(flags.text("expect", "")) : ""),
      request_(request_text(shape_of(flags))),
      tls_(flags.number("tls", 0) == 0 ? nullptr : std::make_unique<ClientTls>()),
      meter_(flags.numbers("pids"), flags.number("core", 1)),
      clients_(flags.number("connections", 64)) {
  latency_.reserve(1 << 20);
}

int RequestRun::run() {
  for (Client& client : clients_) {
    client.request = request_.text;
    connect(client);
  }
  serve(now_ns() + kConnectNs, [&] { return connected_ >= clients_.size(); });
  if (connected_ < clients_.size()) die("could not open all connections");

  window_from_ns_ = now_ns() + warmup_ns_;
  window_to_ns_ = window_from_ns_ + window_ns_;
  next_ns_ = now_ns();
  running_ = true;
  for (Client& client : clients_) turn_idle(client);
  serve(window_from_ns_, [] { return false; });
  meter_.start();
  counting_ = true;
  serve(window_to_ns_, [&] { return told_to_end != 0 || (most_ > 0 && serial_ == most_ && busy() == 0); });
  counting_ = false;
  meter_.stop();
  running_ = false;
  if (told_to_end != 0) waiting_.clear();
  serve(now_ns() + kDrainNs, [&] { return busy() == 0 && waiting_.empty(); });
  for (uint64_t left = busy() + waiting_.size(); left > 0; --left) errors_.add("no reply");

  std::printf("{%s,\"requests\":%llu,\"reconnects\":%llu,\"latency_us\":%s,\"cpu\":%s}\n",
              errors_.json_fields().c_str(), static_cast<unsigned long long>(requests_),
              static_cast<unsigned long long>(reconnects_), latency_.json().c_str(), meter_.json().c_str());
  return 0;
}

template <typename Enough>
void RequestRun::serve(uint64_t until_ns, Enough&& enough) {
  while (!enough()) {
    keep_schedule();
    const uint64_t now = now_ns();
    if (now >= until_ns) return;
    const bool wake_to_send = interval_ns_ > 0 && running_;
    for (const epoll_event& event : poller_.wait(wake_to_send ? std::min(until_ns, next_ns_) : until_ns)) {
      on_ready(clients_[event.data.u64], (event.events & kEnded) != 0);
    }
  }
}

// Open loop: gives each request whose moment has come to an idle connection, or lets it wait with its moment noted.
void RequestRun::keep_schedule() {
  if (interval_ns_ == 0) return;
  if (running_) {
    for (const uint64_t now = now_ns(); next_ns_ <= now && next_ns_ < window_to_ns_; next_ns_ += interval_ns_) {
      waiting_.push_back(next_ns_);
    }
    if (next_ns_ >= window_to_ns_) next_ns_ = UINT64_MAX;
  }
  while (!waiting_.empty() && !idle_.empty()) {
    Client& client = clients_[idle_.front()];
    idle_.pop_front();
    const uint64_t asked = waiting_.front();
    waiting_.pop_front();
    begin(client, asked);
  }
}

uint64_t RequestRun::busy() const {
  uint64_t count = 0;
  for (const Client& client : clients_) count += client.busy;
  return count;
}

void RequestRun::connect(Client& client) {
  client.fd = dial(port_, 0);
  client.up = false;
  if (client.fd < 0) die("cannot connect to port " + std::to_string(port_));
  poller_.add(client.fd, static_cast<uint64_t>(&client - clients_.data()));
}

// The server closed, or broke its word. Only between requests is that no error.
void RequestRun::reconnect(Client& client, const std::string& error) {
  client.tls.reset();
  close_hard(client.fd);
  if (!client.up) die("connection refused by port " + std::to_string(port_));
  if (!error.empty()) errors_.add(error);
  ++reconnects_;
  --connected_;
  client.busy = false;
  if (errors_.total() > 1000) die("more than 1000 errors: " + errors_.json_fields());
  std::erase(idle_, static_cast<size_t>(&client - clients_.data()));
  connect(client);
}

void RequestRun::on_ready(Client& client, bool ended) {
  if (!client.up) {
    if (ended || !connected(client.fd)) return reconnect(client, "connect");
    client.up = true;
    if (tls_) client.tls = tls_->connect(client.fd);
    ++connected_;
    if (running_) turn_idle(client);
    return;
  }
  send_rest(client);
  if (!read_replies(client, ended)) reconnect(client, client.busy ? "connection lost in a request" : "");
}

void RequestRun::turn_idle(Client& client) {
  client.busy = false;
  if (interval_ns_ > 0) {
    idle_.push_back(static_cast<size_t>(&client - clients_.data()));
  } else if (running_ && (most_ == 0 || serial_ < most_)) {
    begin(client, now_ns());
  }
}

void RequestRun::begin(Client& client, uint64_t asked_ns) {
  request_.serial.write(client.request.data(), ++serial_);
  client.busy = true;
  client.asked_ns = asked_ns;
  client.sent = 0;
  client.reply.reset();
  client.body_bytes = 0;
  client.same = true;
  send_rest(client);
}

void RequestRun::send_rest(Client& client) {
  while (client.busy && client.sent < client.request.size()) {
    const std::string_view rest = std::string_view(client.request).substr(client.sent);
    const IoResult sent = client.tls ? client.tls->transmit(rest) : transmit(client.fd, rest);
    if (sent.io != Io::kOk) return;  // a broken connection shows when it is read
    client.sent += sent.bytes;
  }
}

// False: the connection is of no more use.
bool RequestRun::read_replies(Client& client, bool ended) {
  for (;;) {
    const IoResult got = client.tls ? client.tls->receive(buffer_) : receive(client.fd, buffer_);
    if (got.io != Io::kOk) return got.io == Io::kAgain;
    if (!client.busy) return false;
    const bool framed = client.reply.feed({buffer_.data(), got.bytes}, [&](std::string_view bytes) {
      client.same = client.same &&
                    std::string_view(expect_).substr(std::min(client.body_bytes, expect_.size())).starts_with(bytes);
      client.body_bytes += bytes.size();
    });
    if (!framed) {
      errors_.add("malformed reply");
      client.busy = false;
      return false;
    }
    if (client.reply.done()) {
      const bool closes = client.reply.closes();
      finish(client);
      if (closes) return false;
    }
    if (!client.tls && got.bytes < buffer_.size() && !ended) return true;  // emptied: what comes later is a new edge
  }
}

void RequestRun::finish(Client& client) {
  if (client.reply.status() != 200) {
    errors_.add("status " + std::to_string(client.reply.status()));
  } else if (!expect_.empty() && (!client.same || client.body_bytes != expect_.size())) {
    errors_.add("reply differs");
  } else if (client.sent < client.request.size()) {
    errors_.add("reply before the request was sent");
  } else {
    requests_ += counting_;
    const bool in_window =
        interval_ns_ > 0 ? client.asked_ns >= window_from_ns_ && client.asked_ns < window_to_ns_ : counting_;
    if (in_window) latency_.add(now_ns() - client.asked_ns);
  }
  if (client.reply.closes()) {
    client.busy = false;
  } else {
    turn_idle(client);
  }
}

}  // namespace

int drive_requests(std::span<char*> arguments) {
  const Flags flags(arguments, {"port", "connections", "seconds", "warmup", "rate", "body-bytes", "key", "bench",
                                "expect", "pids", "core", "requests", "tls", "distinct"});
  prctl(PR_SET_TIMERSLACK, 1UL);
  std::signal(SIGTERM, [](int) { told_to_end = 1; });
  return std::make_unique<RequestRun>(flags)->run();
}

}  // namespace baton::load
