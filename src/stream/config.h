// Bounds of a reply on its way to the client.
#pragma once

#include "base/units.h"

namespace baton::stream {

struct Config {
  size_t held_reply_bytes_max = 10 * kMiB;          // a reply that must be held whole
  size_t buffer_bytes_max = 256 * kKiB;             // a stream whose reader is slow
  Duration opening_hold = std::chrono::seconds(5);  // message_start and pings wait this long for something better
  size_t opening_bytes_max = 64 * kKiB;
  Duration ping_after = std::chrono::seconds(15);  // silence before a ping of our own; 0 turns it off
  size_t event_bytes_max = 1 * kMiB;               // larger events pass, but are not read for usage
};

}  // namespace baton::stream
