// SseTwin: reads a whole event stream the slow, obvious way, line by line, after WHATWG HTML 9.2.6. What the scanner
// reports of the same bytes, cut anywhere, is compared with it, in unit tests and under fuzzing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace baton::fuzz {

struct TwinEvent {
  std::string name;
  std::string data;
  size_t end = 0;
  bool oversized = false;
  friend bool operator==(const TwinEvent&, const TwinEvent&) = default;
};

struct SseTwin {
  std::vector<TwinEvent> events;
  bool between_events = true;  // at the end of the text

  SseTwin(std::string_view text, size_t event_bytes_max) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    if (!text.empty() && text.size() < 3 && kMark.starts_with(text)) {
      between_events = false;
      return;
    }
    size_t at = text.starts_with(kMark) ? 3 : 0;
    std::vector<std::string> lines;  // of the event, comments left out
    while (true) {
      size_t end = text.find_first_of("\r\n", at);
      if (end == std::string_view::npos) break;
      std::string line(text.substr(at, end - at));
      at = text.substr(end).starts_with("\r\n") ? end + 2 : end + 1;
      if (line.empty()) {
        finish(lines, at, event_bytes_max);
        lines.clear();
      } else if (line[0] != ':') {
        lines.push_back(line);
      }
    }
    between_events = at == text.size() && lines.empty();
  }

 private:
  void finish(const std::vector<std::string>& lines, size_t end, size_t event_bytes_max) {
    TwinEvent event{.name = "", .data = "", .end = end, .oversized = false};
    size_t bytes = 0;
    bool has_data = false;
    for (const std::string& line : lines) {
      bytes += line.size() + 1;
      size_t colon = line.find(':');
      std::string field = line.substr(0, colon);
      std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
      if (!value.empty() && value[0] == ' ') value.erase(0, 1);
      if (field == "event") event.name = value;
      if (field == "data") {
        event.data += value + "\n";
        has_data = true;
      }
    }
    if (has_data) event.data.pop_back();
    if (bytes > event_bytes_max) {
      events.push_back({.name = "", .data = "", .end = end, .oversized = true});
    } else if (has_data || !event.name.empty()) {
      events.push_back(event);
    }
  }
};

}  // namespace baton::fuzz
