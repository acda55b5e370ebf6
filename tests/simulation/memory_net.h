// A network in memory: streams whose bytes arrive in seeded pieces, and a poller that moves the clock instead of
// sleeping. With them the whole relay runs in one thread, on virtual time, from one seed.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "runtime/byte_stream.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::simulation {

// Sleeping is moving the clock to the next timer. When there is none, nothing will ever happen again: `stuck`.
class VirtualPoller final : public runtime::Poller {
 public:
  explicit VirtualPoller(runtime::VirtualClock& clock) : clock_(clock) {}
  void poll(Instant until) override;
  void interrupt() override {}
  bool stuck() const { return stuck_; }

 private:
  runtime::VirtualClock& clock_;
  bool stuck_ = false;
};

struct Weather {
  size_t piece_bytes_max = 4096;    // a read gives at most this much, at random
  size_t window_bytes = 64 * 1024;  // unread bytes that a direction holds
  Duration latency{0};
};

class MemoryStream;

// One direction's state, shared by its two ends.
struct Pipe {
  std::string bytes;
  size_t read = 0;
  bool ended = false;   // the writer has shut it
  bool broken = false;  // reset
  uint64_t moved = 0;
  std::shared_ptr<std::string> record;  // every byte written, when somebody wants to know
  uint64_t cut_at = UINT64_MAX;         // a fault: the connection is reset when so many bytes have been written
  MemoryStream* reader = nullptr;
  MemoryStream* writer = nullptr;
  size_t waiting() const { return bytes.size() - read; }
};

class MemoryStream final : public runtime::ByteStream {
 public:
  MemoryStream(runtime::Random& random, const Weather& weather, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out,
               std::string peer);
  ~MemoryStream() override;
  runtime::IoResult try_read(std::span<char> into) override;
  runtime::IoResult try_write(std::span<const iovec> parts) override;
  void close(bool reset) override;
  void shut_write() override;
  std::string peer_address() const override { return peer_; }

  void refresh();  // recomputes readiness and notifies

 private:
  runtime::Random& random_;
  const Weather& weather_;
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  std::string peer_;
  bool closed_ = false;
};

struct StreamPair {
  std::unique_ptr<runtime::ByteStream> a;
  std::unique_ptr<runtime::ByteStream> b;
  std::shared_ptr<Pipe> a_to_b;
  std::shared_ptr<Pipe> b_to_a;
};
StreamPair make_pair(runtime::Random& random, const Weather& weather, std::string a_address, std::string b_address);

// Dials by making a pair and handing the far end to `accept`. `refuse` makes dials fail.
class MemoryDialer final : public runtime::Dialer {
 public:
  using Accept = std::function<void(StreamPair&)>;  // takes pair.b
  MemoryDialer(runtime::Random& random, const Weather& weather, Accept accept)
      : random_(random), weather_(weather), accept_(std::move(accept)) {}
  runtime::Task<Expected<std::unique_ptr<runtime::ByteStream>>> dial(runtime::Cancellation& cancel) override;
  bool refuse = false;
  uint64_t dialled = 0;

 private:
  runtime::Random& random_;
  const Weather& weather_;
  Accept accept_;
};

}  // namespace baton::simulation
