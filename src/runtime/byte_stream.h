// ByteStream: a connection as the relay sees it, plain or TLS, real or simulated. Readiness first, buffer after: a
// coroutine waits until a side is ready and only then takes a buffer, so that an idle connection holds none. Life: one
// owner (unique_ptr); destroying it closes. Thread: one loop. Bounds: holds no bytes of its own beyond what TLS needs.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "runtime/task.h"
#include "runtime/wake.h"

namespace baton::runtime {

enum class IoStatus : uint8_t { kOk, kBlocked, kEof, kReset };

struct IoResult {
  IoStatus status = IoStatus::kOk;
  size_t bytes = 0;  // > 0 exactly when kOk
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Never blocks. A short read means that nothing more is there: the stream is then no longer ready to be read.
  virtual IoResult try_read(std::span<char> into) = 0;
  // Never blocks; may write less than asked. kReset when the peer is gone. What was not taken is offered again before
  // anything else: the stream may have begun to send it (part of a TLS record).
  virtual IoResult try_write(std::span<const iovec> parts) = 0;
  // Ends at once; with `reset` the peer sees a reset rather than an orderly end, so that a cut message cannot look
  // complete.
  virtual void close(bool reset) = 0;
  // Promises the peer that nothing more will be written (TCP FIN, TLS close_notify); reading goes on.
  virtual void shut_write() = 0;

  // Remembered readiness. `gone` means the peer has ended its sending side or the connection as a whole.
  bool can_read() const { return can_read_; }
  bool can_write() const { return can_write_; }
  bool gone() const { return gone_; }

  // Where waiters stand; notified by whoever sets the flags.
  Slot readable;
  Slot writable;
  Slot hangup;

  // "10.0.0.7" and the like; empty where there is no such thing.
  virtual std::string peer_address() const = 0;
  // Of the connection, as its transport measures it; nothing where it does not. Costs a system call.
  virtual std::optional<Duration> round_trip() const { return std::nullopt; }

 protected:
  bool can_read_ = false;
  bool can_write_ = true;
  bool gone_ = false;
};

struct DialTarget {
  std::string host;  // name or address, without brackets
  uint16_t port = 0;
  bool tls = false;
  friend bool operator==(const DialTarget&, const DialTarget&) = default;
};

class Cancellation;

// Dialer: opens a connection to one configured target, ready for the first byte (after TLS and any proxy).
class Dialer {
 public:
  virtual ~Dialer() = default;
  // kConnect, kConnectTimeout, kTls: nothing was sent to the target. kCancelled: the caller's call has ended.
  virtual Task<Expected<std::unique_ptr<ByteStream>>> dial(Cancellation& cancel) = 0;
};

// Listener: gives accepted connections. TLS is done lazily by the stream's first reads and writes.
class Listener {
 public:
  virtual ~Listener() = default;
  // Suspends until someone comes; nullptr when the listener was closed.
  virtual Task<std::unique_ptr<ByteStream>> accept() = 0;
  virtual void close() = 0;
};

}  // namespace baton::runtime
