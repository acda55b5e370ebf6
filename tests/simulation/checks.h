// Checks: what must hold between the bytes an upstream wrote and the bytes a client got. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/usage.h"

namespace baton::simulation {

// One answer out of all that was written on an upstream connection, as far as it came.
struct UpstreamReply {
  int status = 0;
  std::string head;
  std::string content;
  bool whole = false;
  std::string field(std::string_view lower_name) const;
};
// Stops at what is no HTTP; interim answers are left out. HEAD's answers cannot be read this way.
std::vector<UpstreamReply> read_replies(std::string_view written);

// A client's body, taken apart into the upstream's bytes and Baton's own events.
struct Comparison {
  bool fits = false;  // own events removed, it is a prefix of the upstream's content
  size_t forwarded_bytes = 0;
  size_t pings = 0;
  bool error_event = false;  // it ends in an error event of Baton's own, well-formed
  bool pings_stand_between_events = true;
};
Comparison compare(std::string_view client, std::string_view upstream);

// The figures of a stream or a Message, read the slow way: the last value written for each name.
model::Usage usage_in(std::string_view content);

}  // namespace baton::simulation
