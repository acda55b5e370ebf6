// The event stream scanner, its bytes cut where the input says, against its slow twin on the whole text.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/sse.h"
#include "sse_twin.h"

// The first byte chooses the bound, the second how the rest is cut into pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  size_t event_bytes_max = data[0] < 128 ? data[0] : 1024;
  uint32_t cuts = data[1];
  std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  baton::fuzz::SseTwin want(text, event_bytes_max);

  baton::http::SseScanner scanner(event_bytes_max);
  size_t seen = 0;
  uint64_t oversized = 0;
  for (size_t at = 0; at < text.size();) {
    cuts = cuts * 1664525 + 1013904223;
    size_t take = std::min<size_t>(data[1] == 0 ? text.size() : 1 + (cuts >> 24) % (1 + data[1]), text.size() - at);
    // A copy that dies: nothing of it may be used later.
    std::string piece(text.substr(at, take));
    scanner.feed(piece, [&](const baton::http::SseEvent& event) {
      BATON_CHECK(seen < want.events.size());
      const auto& twin = want.events[seen++];
      BATON_CHECK(event.name == twin.name && event.data == twin.data && event.oversized == twin.oversized);
      bool cut_in_line_end = at + event.end + 1 == twin.end && text[twin.end - 1] == '\n' && event.end == piece.size();
      BATON_CHECK(at + event.end == twin.end || cut_in_line_end);
      oversized += event.oversized ? 1 : 0;
    });
    at += take;
    if (at < text.size() && (cuts & 0xf0) != 0) continue;  // the twin reads from the start each time
    BATON_CHECK(scanner.between_events() == baton::fuzz::SseTwin(text.substr(0, at), event_bytes_max).between_events);
  }
  BATON_CHECK(seen == want.events.size() && scanner.events() == seen && scanner.oversized() == oversized);
  return 0;
}
