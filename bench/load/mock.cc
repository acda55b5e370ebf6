#include "mock.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "http_text.h"
#include "messages.h"
#include "mock_plan.h"
#include "support.h"
#include "tls.h"

namespace baton::load {

namespace {

constexpr uint64_t kListenerTag = UINT64_MAX;
constexpr size_t kHeadBytesMax = 64 * 1024;
constexpr size_t kBurstBytes = 16 * 1024;  // written at once by a stream without gaps
constexpr uint64_t kFnvBasis = 0xcbf29ce484222325;
constexpr uint64_t kFnvPrime = 0x100000001b3;

struct Connection {
  int fd;
  uint32_t serial;  // tells a reused descriptor from its former owner
  std::unique_ptr<TlsSession> tls;

  std::string partial_head;
  bool in_request = false;
  Plan plan;
  uint64_t body_bytes = 0;
  uint64_t body_left = 0;
  uint64_t digest = kFnvBasis;

  bool streaming = false;
  uint32_t events_left = 0;
  uint64_t due_ns = 0;

  std::string unsent;  // what the socket did not take
  size_t unsent_from = 0;
};

struct Due {
  uint64_t at_ns;
  int fd;
  uint32_t serial;
  bool operator>(const Due& other) const { return at_ns > other.at_ns; }
};

class Mock {
 public:
  Mock(uint16_t port, std::unique_ptr<ServerTls> tls)
      : listener_(listen_on(port)), tls_(std::move(tls)), usual_(reply_head(kReplyBytes) + message_json(kReplyBytes)) {
    poller_.add_level_in(listener_, kListenerTag);
  }
  [[noreturn]] void run();

 private:
  void accept_all();
  void drop(int fd);
  // Each returns false when the connection is to be dropped.
  bool on_ready(Connection& connection, bool ended);
  bool read_all(Connection& connection, bool ended);
  bool take(Connection& connection, std::string_view bytes);
  bool begin(Connection& connection, std::string_view head);
  bool answer(Connection& connection);
  bool advance(Connection& connection, uint64_t now);
  bool send_out(Connection& connection, std::string_view bytes);
  bool flush(Connection& connection);

  void run_due();
  void schedule(const Connection& connection) { due_.push({connection.due_ns, connection.fd, connection.serial}); }
  Connection* find(int fd, uint32_t serial) {
    const auto at = static_cast<size_t>(fd);
    if (at >= connections_.size() || !connections_[at] || connections_[at]->serial != serial) return nullptr;
    return connections_[at].get();
  }

  Poller poller_;
  int listener_;
  bool complained_ = false;  // one refused request is told, a load of them is not
  std::unique_ptr<ServerTls> tls_;
  std::string usual_;
  std::string sized_;  // the last reply of another size
  size_t sized_bytes_ = 0;
  StreamTexts texts_ = stream_texts();
  uint32_t serials_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::array<char, 256 * 1024> buffer_;
};

void Mock::run() {
  for (;;) {
    const std::optional<uint64_t> next = due_.empty() ? std::nullopt : std::optional(due_.top().at_ns);
    for (const epoll_event& event : poller_.wait(next)) {
      if (event.data.u64 == kListenerTag) {
        accept_all();
        continue;
      }
      const int fd = static_cast<int>(event.data.u64 & 0xffffffff);
      Connection* connection = find(fd, static_cast<uint32_t>(event.data.u64 >> 32));
      if (connection != nullptr && !on_ready(*connection, (event.events & kEnded) != 0)) drop(fd);
    }
    run_due();
  }
}

void Mock::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    set_no_delay(fd);
    if (static_cast<size_t>(fd) >= connections_.size()) connections_.resize(static_cast<size_t>(fd) + 1);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    connection->serial = ++serials_;
    if (tls_) connection->tls = tls_->accept(fd);
    poller_.add(fd, static_cast<uint64_t>(fd) | static_cast<uint64_t>(connection->serial) << 32);
    connections_[static_cast<size_t>(fd)] = std::move(connection);
  }
}

void Mock::drop(int fd) {
  connections_[static_cast<size_t>(fd)].reset();
  close(fd);
}

bool Mock::on_ready(Connection& connection, bool ended) { return flush(connection) && read_all(connection, ended); }

bool Mock::read_all(Connection& connection, bool ended) {
  for (;;) {
    const IoResult got = connection.tls ? connection.tls->receive(buffer_) : receive(connection.fd, buffer_);
    if (got.io != Io::kOk) return got.io == Io::kAgain;
    if (!take(connection, {buffer_.data(), got.bytes})) return false;
    // A short read of a plain socket emptied it: what comes later is a new edge.
    if (!connection.tls && got.bytes < buffer_.size() && !ended) return true;
  }
}

bool Mock::take(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) {
    if (connection.streaming) return false;  // nobody may talk into a stream
    if (!connection.in_request) {
      const size_t before = connection.partial_head.size();
      if (before > 0) connection.partial_head.append(bytes);
      const std::string_view seen = before > 0 ? std::string_view(connection.partial_head) : bytes;
      const size_t end = seen.find("\r\n\r\n");
      if (end == std::string_view::npos) {
        if (before == 0) connection.partial_head.assign(bytes);
        return connection.partial_head.size() <= kHeadBytesMax;
      }
      if (!begin(connection, seen.substr(0, end + 4))) return false;
      bytes.remove_prefix(end + 4 - before);
      connection.partial_head.clear();
    }
    const std::string_view body = bytes.substr(0, std::min<size_t>(connection.body_left, bytes.size()));
    bytes.remove_prefix(body.size());
    connection.body_left -= body.size();
    if (connection.plan.kind == Plan::Kind::kDigest) {
      for (const char byte : body) connection.digest = (connection.digest ^ static_cast<uint8_t>(byte)) * kFnvPrime;
    }
    if (connection.body_left == 0) {
      connection.in_request = false;
      if (!answer(connection)) return false;
    }
  }
  return true;
}

// Notes the framing and the wishes of a request; a chunked body is refused, since no proxy here should make one of a
// sized one.
bool Mock::begin(Connection& connection, std::string_view head) {
  connection.in_request = true;
  connection.plan = Plan();
  connection.body_left = 0;
  connection.digest = kFnvBasis;
  bool good = true;
  each_field(head, [&](std::string_view name, std::string_view value) {
    if (same_name(name, "content-length")) {
      const auto length = decimal(value);
      good = good && length;
      connection.body_left = length.value_or(0);
    } else if (same_name(name, "x-bench")) {
      const auto plan = plan_of(value);
      good = good && plan;
      if (plan) connection.plan = *plan;
    } else if (same_name(name, "transfer-encoding")) {
      good = false;
    }
  });
  connection.body_bytes = connection.body_left;
  if (!good && !std::exchange(complained_, true)) {
    std::fprintf(stderr, "baton_load mock: a request it does not serve:\n%.*s", static_cast<int>(head.size()),
                 head.data());
  }
  return good;
}

bool Mock::answer(Connection& connection) {
  const Plan& plan = connection.plan;
  switch (plan.kind) {
    case Plan::Kind::kReply:
      if (plan.body_bytes == 0) return send_out(connection, usual_);
      if (plan.body_bytes != sized_bytes_) {
        sized_ = reply_head(plan.body_bytes) + message_json(plan.body_bytes);
        sized_bytes_ = plan.body_bytes;
      }
      return send_out(connection, sized_);
    case Plan::Kind::kDigest: {
      std::array<char, 96> body{};
      const int size = std::snprintf(body.data(), body.size(), R"({"bytes":%llu,"fnv1a64":"%016llx"})",
                                     static_cast<unsigned long long>(connection.body_bytes),
                                     static_cast<unsigned long long>(connection.digest));
      return send_out(connection, reply_head(static_cast<size_t>(size)) + body.data());
    }
    case Plan::Kind::kStream:
      connection.streaming = true;
      connection.events_left = plan.hold ? 1 : plan.events;
      connection.due_ns = now_ns() + (plan.hold ? 0 : plan.gap_ns);
      if (!send_out(connection, texts_.opening)) return false;
      schedule(connection);
      return true;
  }
  return false;
}

void Mock::run_due() {
  const uint64_t now = due_.empty() ? 0 : now_ns();
  while (!due_.empty() && due_.top().at_ns <= now) {
    const Due due = due_.top();
    due_.pop();
    Connection* connection = find(due.fd, due.serial);
    if (connection != nullptr && connection->streaming && !advance(*connection, now)) drop(due.fd);
  }
}

// Sends what is due of a stream and schedules what follows.
bool Mock::advance(Connection& connection, uint64_t now) {
  std::string out;
  const Plan& plan = connection.plan;
  const bool drained = connection.unsent.empty();
  while (drained && connection.events_left > 0 && connection.due_ns <= now && out.size() < kBurstBytes) {
    const size_t from = out.size();
    out.append(texts_.delta);
    if (plan.stamp) texts_.stamp.write(out.data() + from, plan.gap_ns > 0 ? connection.due_ns : now);
    connection.due_ns += plan.gap_ns;
    --connection.events_left;
  }
  if (connection.events_left == 0 && !plan.hold) {
    out.append(texts_.closing);
    connection.streaming = false;
  }
  if (!out.empty() && !send_out(connection, out)) return false;
  if (connection.streaming && connection.events_left > 0) {
    // A reader that lags gets its next look a little later; the stamps keep telling when each event was due.
    constexpr uint64_t kLookAgainNs = 1'000'000;
    due_.push({drained ? connection.due_ns : now + kLookAgainNs, connection.fd, connection.serial});
  }
  return true;
}

bool Mock::send_out(Connection& connection, std::string_view bytes) {
  if (connection.unsent.empty()) {
    const IoResult sent = connection.tls ? connection.tls->transmit(bytes) : transmit(connection.fd, bytes);
    if (sent.io == Io::kEnd) return false;
    bytes.remove_prefix(sent.bytes);
    if (bytes.empty()) return true;
  }
  connection.unsent.append(bytes);
  return flush(connection);
}

bool Mock::flush(Connection& connection) {
  while (connection.unsent_from < connection.unsent.size()) {
    const std::string_view rest = std::string_view(connection.unsent).substr(connection.unsent_from);
    const IoResult sent = connection.tls ? connection.tls->transmit(rest) : transmit(connection.fd, rest);
    if (sent.io != Io::kOk) return sent.io == Io::kAgain;
    connection.unsent_from += sent.bytes;
  }
  if (!connection.unsent.empty()) {
    connection.unsent = std::string();
    connection.unsent_from = 0;
  }
  return true;
}

}  // namespace

int mock(std::span<char*> arguments) {
  const Flags flags(arguments, {"port", "cert", "key"});
  prctl(PR_SET_TIMERSLACK, 1UL);  // an event leaves when it is due, not 50 µs later
  std::unique_ptr<ServerTls> tls;
  if (flags.has("cert")) tls = std::make_unique<ServerTls>(flags.text("cert", ""), flags.text("key", ""));
  auto server = std::make_unique<Mock>(static_cast<uint16_t>(flags.number("port", 0)), std::move(tls));
  server->run();
}

}  // namespace baton::load
