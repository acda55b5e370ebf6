// Client: what one client does on its connection, and what it saw. A Script is played against the relay by
// World::play().
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "tests/simulation/memory_net.h"

namespace baton::simulation {

struct Seen;

struct Script {
  std::string method = "POST";
  std::string path = "/v1/messages";
  std::string fields;  // extra lines
  std::string body;
  std::optional<std::string> raw;  // sent as it is, instead of all of the above
  bool chunked = false;
  std::string peer = "127.0.0.1";   // where the connection comes from
  bool default_fields = true;       // host, and with a body content-type, anthropic-version, x-api-key
  bool expect_continue = false;     // the body is sent after a 100 only
  size_t send_piece_bytes = 0;      // 0: all at once
  Duration send_pause{0};           // between such pieces
  bool shut_after_request = false;  // half-closes
  // Gives the whole raw request that follows on the same connection, from the reply before it; nothing: that was all.
  std::function<std::optional<std::string>(const Seen& last)> then = {};
  Duration then_pause{0};
  Duration start{0};                           // since play()
  std::optional<uint64_t> leave_after_sent;    // bytes of the request, head included
  std::optional<uint64_t> leave_after_bytes;   // of the reply, head included
  std::optional<Duration> leave_after;         // since the start
  bool leave_by_reset = false;                 // otherwise in order
  Duration read_pause{0};                      // between reads: a slow reader
  size_t read_bytes = 3000;                    // a read takes at most this much
  std::optional<uint64_t> stop_reading_after;  // bytes of the reply; the connection stays until leave_after
};

struct Seen {
  int status = 0;
  std::string head;
  std::string body;
  bool continued = false;  // a 100 came
  bool complete = false;   // the message came to its proper end
  bool left = false;       // the client left by itself
  bool reset = false;      // the connection broke
  bool malformed = false;  // what came is no HTTP
  Duration first_byte{0};
  Duration total{0};
  uint64_t sent = 0;  // bytes of the request
  uint64_t received = 0;
  std::vector<std::string> events;  // names, of an event stream
  std::vector<Seen> then;           // of the requests that followed

  // The first field of this name (as the relay writes it), or empty.
  std::string field(std::string_view name) const;
  // When the body's byte at `offset` had come, since the start.
  Duration arrival(size_t offset) const;

  struct Mark {
    Duration at{0};
    size_t body_bytes = 0;
  };
  std::vector<Mark> marks;
};

// Borrows everything until it returns. `stream` is the client's end.
runtime::Task<void> run_client(runtime::Loop& loop, std::unique_ptr<runtime::ByteStream> stream, const Script& script,
                               Seen& seen);

}  // namespace baton::simulation
