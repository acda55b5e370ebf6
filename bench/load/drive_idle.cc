#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "drive.h"
#include "error_counts.h"
#include "messages.h"
#include "sse_stream.h"
#include "support.h"

namespace baton::load {

namespace {

constexpr uint64_t kStandardInputTag = UINT64_MAX;
constexpr uint64_t kReadyNs = 60 * kNanosPerSecond;
constexpr size_t kOpeningMax = 128;  // streams on their way at once: no listener's backlog overflows

struct Held {
  int fd = -1;
  bool up = false;
  bool ready = false;
  bool gone = false;
  SseStream stream;
};

class IdleRun {
 public:
  explicit IdleRun(const Flags& flags);
  int run();

 private:
  void open_more();
  void on_ready(Held& held, bool ended);
  void read_events(Held& held, bool ended);
  void lose(Held& held, const std::string& error);

  const uint16_t port_;
  const size_t sources_;
  RequestText request_;
  Poller poller_;
  std::vector<Held> held_;
  size_t opened_ = 0, ready_ = 0, lost_ = 0;
  ErrorCounts errors_;
  std::array<char, 16 * 1024> buffer_;
};

IdleRun::IdleRun(const Flags& flags)
    : port_(static_cast<uint16_t>(flags.number("port", 0))),
      sources_(std::clamp<size_t>(flags.number("sources", 1), 1, 200)),
      request_(request_text({.key = flags.text("key", "bench"), .bench = "stream;hold", .stream = true})),
      held_(flags.number("streams", 5000)) {}

int IdleRun::run() {
  const uint64_t until_ns = now_ns() + kReadyNs;
  while (ready_ + lost_ < held_.size() && now_ns() < until_ns) {
    open_more();
    for (const epoll_event& event : poller_.wait(until_ns)) {
      Held& held = held_[event.data.u64];
      if (!held.gone) on_ready(held, (event.events & kEnded) != 0);
    }
  }
  for (size_t missing = held_.size() - ready_ - lost_; missing > 0; --missing) errors_.add("no first event");
  std::printf("{\"ready\":%zu,%s}\n", ready_, errors_.json_fields().c_str());
  std::fflush(stdout);

  poller_.add_level_in(STDIN_FILENO, kStandardInputTag);
  for (bool holding = true; holding;) {
    for (const epoll_event& event : poller_.wait(std::nullopt)) {
      if (event.data.u64 == kStandardInputTag) {
        holding = holding && read(STDIN_FILENO, buffer_.data(), buffer_.size()) > 0;
      } else if (!held_[event.data.u64].gone) {
        on_ready(held_[event.data.u64], (event.events & kEnded) != 0);
      }
    }
  }
  uint64_t pings = 0;
  for (const Held& held : held_) pings += held.stream.pings();
  for (Held& held : held_) {
    if (held.fd >= 0 && !held.gone) close_hard(held.fd);
  }
  std::printf("{\"held\":%zu,\"pings\":%llu,%s}\n", ready_ - std::min(ready_, lost_),
              static_cast<unsigned long long>(pings), errors_.json_fields().c_str());
  return 0;
}

void IdleRun::open_more() {
  for (; opened_ < held_.size() && opened_ - ready_ - lost_ < kOpeningMax; ++opened_) {
    const auto source = static_cast<in_addr_t>(INADDR_LOOPBACK + opened_ % sources_);
    Held& held = held_[opened_];
    held.fd = dial(port_, sources_ > 1 ? htonl(source) : 0);
    if (held.fd < 0) die("cannot connect stream " + std::to_string(opened_));
    poller_.add(held.fd, opened_);
  }
}

void IdleRun::on_ready(Held& held, bool ended) {
  if (!held.up) {
    if (ended || !connected(held.fd)) return lose(held, "connect");
    held.up = true;
    request_.serial.write(request_.text.data(), static_cast<uint64_t>(&held - held_.data()) + 1);
    if (transmit(held.fd, request_.text).bytes != request_.text.size()) return lose(held, "request not taken");
  }
  read_events(held, ended);
}

void IdleRun::read_events(Held& held, bool ended) {
  for (;;) {
    const IoResult got = receive(held.fd, buffer_);
    if (got.io == Io::kAgain) return;
    if (got.io == Io::kEnd) return lose(held, "a held stream was cut");
    const bool good = held.stream.feed({buffer_.data(), got.bytes}, [&](uint64_t) {
      if (!held.ready) ++ready_;
      held.ready = true;
    });
    if (!good) return lose(held, held.stream.error());
    if (held.stream.done()) return lose(held, "a held stream ended");
    if (got.bytes < buffer_.size() && !ended) return;
  }
}

void IdleRun::lose(Held& held, const std::string& error) {
  errors_.add(error);
  close_hard(held.fd);
  held.gone = true;
  if (!held.ready) ++lost_;
}

}  // namespace

int drive_idle(std::span<char*> arguments) {
  const Flags flags(arguments, {"port", "streams", "sources", "key"});
  return std::make_unique<IdleRun>(flags)->run();
}

}  // namespace baton::load
