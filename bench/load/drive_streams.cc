#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

#include "cpu_meter.h"
#include "drive.h"
#include "error_counts.h"
#include "messages.h"
#include "percentiles.h"
#include "sse_stream.h"
#include "support.h"

namespace baton::load {

namespace {

constexpr uint64_t kConnectNs = 10 * kNanosPerSecond;
constexpr uint64_t kDrainNs = 10 * kNanosPerSecond;

struct Reader {
  int fd = -1;
  bool up = false;
  bool opened = false;
  bool done = false;
  uint64_t asked_ns = 0;
  std::string request;
  SseStream stream;
};

class StreamRun {
 public:
  explicit StreamRun(const Flags& flags);
  int run();

 private:
  void on_ready(Reader& reader, bool ended);
  void read_events(Reader& reader, bool ended);
  void on_delta(uint64_t due_ns);
  void ask_due();
  void end(Reader& reader, const std::string& error);
  template <typename Enough>
  void serve(uint64_t until_ns, Enough&& enough);

  const uint16_t port_;
  const uint64_t gap_ns_, warmup_ns_, window_ns_;
  const uint64_t step_ns_;  // between the starts of two streams
  const uint64_t events_;   // of each stream: enough to outlast the window
  RequestText request_;
  Poller poller_;
  CpuMeter meter_;
  std::vector<Reader> readers_;
  size_t connected_ = 0, asked_ = 0, done_ = 0;
  uint64_t first_ask_ns_ = UINT64_MAX;
  bool counting_ = false;
  uint64_t counted_ = 0, deltas_ = 0, pings_ = 0;
  Percentiles lag_, first_event_;
  ErrorCounts errors_;
  std::array<char, 64 * 1024> buffer_;
};

uint64_t nanos(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

// Streams begin about five to a gap, and their events fall evenly over it: were they in step, a proxy would see all
// events of a gap as one burst; were they begun within one gap, the opening would be a burst of its own.
uint64_t step_of(uint64_t gap_ns, uint64_t streams) {
  uint64_t k = std::max<uint64_t>(streams / 5, 1);
  while (std::gcd(k, streams) != 1) ++k;  // then the multiples of k/streams visit every phase
  return gap_ns * k / std::max<uint64_t>(streams, 1);
}

RequestShape shape_of(const Flags& flags, uint64_t events, uint64_t gap_us) {
  return {.key = flags.text("key", "bench"),
          .bench = "stream;events=" + std::to_string(events) + ";gap_us=" + std::to_string(gap_us),
          .stream = true};
}

StreamRun::StreamRun(const Flags& flags)
    : port_(static_cast<uint16_t>(flags.number("port", 0))),
      gap_ns_(std::max<uint64_t>(flags.number("gap-us", 5000), 1) * 1000),
      warmup_ns_(nanos(flags.real("warmup", 0.5))),
      window_ns_(nanos(flags.real("seconds", 2))),
      step_ns_(step_of(gap_ns_, flags.number("streams", 200))),
      events_((step_ns_ * flags.number("streams", 200) + warmup_ns_ + window_ns_) / gap_ns_ + 40),
      request_(request_text(shape_of(flags, events_, gap_ns_ / 1000))),
      meter_(flags.numbers("pids"), flags.number("core", 1)),
      readers_(flags.number("streams", 200)) {
  lag_.reserve(readers_.size() * events_);
}

int StreamRun::run() {
  for (size_t i = 0; i < readers_.size(); ++i) {
    readers_[i].request = request_.text;
    request_.serial.write(readers_[i].request.data(), i + 1);
    readers_[i].fd = dial(port_, 0);
    if (readers_[i].fd < 0) die("cannot connect to port " + std::to_string(port_));
    poller_.add(readers_[i].fd, i);
  }
  serve(now_ns() + kConnectNs, [&] { return connected_ + done_ >= readers_.size(); });
  if (connected_ < readers_.size()) die("could not open all connections");

  first_ask_ns_ = now_ns();
  serve(first_ask_ns_ + step_ns_ * readers_.size() + warmup_ns_, [] { return false; });
  meter_.start();
  counting_ = true;
  serve(now_ns() + window_ns_, [] { return false; });
  counting_ = false;
  meter_.stop();
  serve(now_ns() + gap_ns_ * 40 + kDrainNs, [&] { return done_ >= readers_.size(); });
  for (Reader& reader : readers_) {
    if (!reader.done) end(reader, "stream did not end");
  }

  std::printf(
      "{%s,\"streams\":%zu,\"events\":%llu,\"events_in_all\":%llu,\"pings\":%llu,\"lag_us\":%s,\"first_event_us\":%s,"
      "\"cpu\":%s}\n",
      errors_.json_fields().c_str(), readers_.size(), static_cast<unsigned long long>(counted_),
      static_cast<unsigned long long>(deltas_), static_cast<unsigned long long>(pings_), lag_.json().c_str(),
      first_event_.json().c_str(), meter_.json().c_str());
  return 0;
}

template <typename Enough>
void StreamRun::serve(uint64_t until_ns, Enough&& enough) {
  while (!enough()) {
    ask_due();
    if (now_ns() >= until_ns) return;
    const bool asking = first_ask_ns_ != UINT64_MAX && asked_ < readers_.size();
    const uint64_t wake_ns = asking ? std::min(until_ns, first_ask_ns_ + asked_ * step_ns_) : until_ns;
    for (const epoll_event& event : poller_.wait(wake_ns)) {
      Reader& reader = readers_[event.data.u64];
      if (!reader.done) on_ready(reader, (event.events & kEnded) != 0);
    }
  }
}

void StreamRun::ask_due() {
  for (const uint64_t now = now_ns(); asked_ < readers_.size() && first_ask_ns_ != UINT64_MAX; ++asked_) {
    if (first_ask_ns_ + asked_ * step_ns_ > now) return;
    Reader& reader = readers_[asked_];
    reader.asked_ns = now_ns();
    // A request of this size always fits into a fresh socket's buffer.
    const IoResult sent = transmit(reader.fd, reader.request);
    if (sent.bytes != reader.request.size()) end(reader, "request not taken");
  }
}

void StreamRun::on_ready(Reader& reader, bool ended) {
  if (!reader.up) {
    if (ended || !connected(reader.fd)) return end(reader, "connect");
    reader.up = true;
    ++connected_;
    return;
  }
  read_events(reader, ended);
}

void StreamRun::read_events(Reader& reader, bool ended) {
  for (;;) {
    const IoResult got = receive(reader.fd, buffer_);
    if (got.io == Io::kAgain) return;
    if (got.io == Io::kEnd) return end(reader, "connection lost in a stream");
    const bool good = reader.stream.feed({buffer_.data(), got.bytes}, [&](uint64_t due_ns) { on_delta(due_ns); });
    if (!good) return end(reader, reader.stream.error());
    if (!reader.opened && reader.stream.opened()) {
      reader.opened = true;
      first_event_.add(now_ns() - reader.asked_ns);
    }
    if (reader.stream.done()) return end(reader, reader.stream.deltas() == events_ ? "" : "wrong number of events");
    if (got.bytes < buffer_.size() && !ended) return;
  }
}

void StreamRun::on_delta(uint64_t due_ns) {
  const uint64_t now = now_ns();
  ++deltas_;
  if (!counting_) return;
  ++counted_;
  lag_.add(now - std::min(now, due_ns));
}

void StreamRun::end(Reader& reader, const std::string& error) {
  if (!error.empty()) errors_.add(error);
  pings_ += reader.stream.pings();
  reader.done = true;
  ++done_;
  close_hard(reader.fd);
}

}  // namespace

int drive_streams(std::span<char*> arguments) {
  const Flags flags(arguments, {"port", "streams", "gap-us", "seconds", "warmup", "key", "pids", "core"});
  prctl(PR_SET_TIMERSLACK, 1UL);
  return std::make_unique<StreamRun>(flags)->run();
}

}  // namespace baton::load
