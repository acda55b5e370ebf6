// Script: what the suite's upstream does with one call of the client's: for each time that it arrives an answer, step
// by step. Life: values, made by a row. Thread: any; pure. Bounds: the row's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"

namespace baton::conformance {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Step {
  enum class What : uint8_t {
    kSend,       // `bytes`, as they are
    kFlood,      // `bytes`, `count` times
    kPause,      // for `time`
    kUntilSeen,  // until the client has `count` times `bytes` in its reply; what takes too long is noted as held back
    kHold,       // until the gateway leaves
    kCut,        // ends the connection in the middle, in order (FIN)
    kReset,      // ends it with a reset
  };
  What what = What::kSend;
  std::string bytes = {};
  size_t count = 1;
  Duration time{0};
};

// The steps of one answer, from its status line to its end.
using Answer = std::vector<Step>;

// A whole answer with its length.
Answer whole(int status, std::string_view body, const Fields& fields = {});
// The head of an event stream in chunks; `fields` follow the usual ones.
Step stream_head(const Fields& fields = {});
// One chunk.
Step chunk(std::string_view content);
// The last one.
Step last_chunk();
// An event stream, each piece a chunk of its own, ended in order.
Answer streamed(const std::vector<std::string>& pieces, const Fields& fields = {});

// Events as the vendor writes them.
std::string event(std::string_view name, std::string_view data);
std::string message_start();
std::string block_start();
std::string text_delta(std::string_view text);
std::string block_stop();
std::string message_delta();
std::string message_stop();
std::string ping();
// All the events of a text reply.
std::vector<std::string> text_stream(const std::vector<std::string>& texts);
// All pieces behind one another.
std::string joined(const std::vector<std::string>& pieces);

// A reply that is not streamed.
std::string message();
std::string error_body(std::string_view type, std::string_view text);

}  // namespace baton::conformance
