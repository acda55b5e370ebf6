// HandOver and Predecessor: how a running relay is replaced without loss (ADR 9). The new process connects to the old
// one's socket in the data folder and gets its listening sockets; both accept until the new one serves; then the old
// one takes nothing new and finishes what it has. Until that moment the old one serves as if nothing had happened,
// whatever becomes of the new one. Neither starts the other.
//   old                         new
//        <- connects, ask
//        -> offer (sockets), offered
//        <- prepared              everything is made, nothing can fail but reading what the old one knew
//        -> go                    what it knew is on disk
//        <- serving               calls are accepted
// The connection stays until the old process ends, by which the new one knows.
// Life: in serve(). Thread: the app's main one. Bounds: one successor at a time; kPrepareMax, kServeMax.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/inherited.h"
#include "base/error.h"
#include "base/units.h"
#include "metrics/log.h"
#include "metrics/relay_metrics.h"
#include "net/packet_socket.h"

namespace baton::app {

inline constexpr std::string_view kHandOverName = "hand-over";  // below the data folder

// The old process's side.
class HandOver {
 public:
  static constexpr Duration kAskMax = std::chrono::seconds(5);       // from its coming to its question
  static constexpr Duration kPrepareMax = std::chrono::seconds(60);  // from the offer to `prepared`
  static constexpr Duration kServeMax = std::chrono::seconds(30);    // from `go` to `serving`
  static constexpr Duration kEveryBusy = std::chrono::milliseconds(5);

  struct Parts {
    metrics::Log& log;
    metrics::RelayMetrics& metrics;
    std::function<std::vector<Inherited::Socket>()> sockets;  // all that listen
    std::function<void()> save;                               // puts on disk what the successor reads
  };
  // `take_name`: from the predecessor. What prevents it is said once, and nobody can take over from this process.
  HandOver(Parts parts, const std::string& folder, bool take_name);

  // True once a successor serves: from then on nothing new is for this process. Never waits.
  bool turn(Instant now);
  // A successor is being prepared: what listens must not change.
  bool busy() const { return busy_.load(); }
  // Once a successor serves: what tells it that this process has ended, by closing.
  net::PacketSocket take_successor() { return std::move(*successor_); }

 private:
  enum class Step : uint8_t { kCome, kOffered, kGone };
  void look_for_one(Instant now);
  void offer(Instant now);
  void failed(const std::string& why);

  Parts parts_;
  std::optional<net::PacketListener> listener_;
  std::optional<net::PacketSocket> successor_;
  Step step_ = Step::kCome;
  Instant give_up_{};
  std::atomic<bool> busy_{false};
};

// The new process's side.
class Predecessor {
 public:
  static constexpr Duration kAnswerMax = std::chrono::seconds(15);

  // Nothing: nobody serves from this folder. kConfig with a sentence: somebody does and cannot be taken over from.
  static Expected<std::optional<Predecessor>> find(const std::string& folder);

  // Its sockets; once.
  Inherited take_sockets() { return std::move(sockets_); }
  // Everything is ready; returns when what the predecessor knew can be read. kConfig: it has changed its mind.
  Expected<void> prepared();
  // It may go now.
  void serving();
  // The start has failed, and it goes on.
  void failed(std::string_view why);
  // Whether its process has ended.
  bool ended();
  const std::string& who() const { return who_; }

 private:
  explicit Predecessor(net::PacketSocket socket) : socket_(std::move(socket)) {}
  Expected<std::string> next(std::string_view wanted, std::vector<net::Fd>* fds);

  net::PacketSocket socket_;
  Inherited sockets_;
  std::string who_;  // "process 17, version 0.1.0"
};

}  // namespace baton::app
