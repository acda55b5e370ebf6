#include "stream/event_ids.h"

namespace baton::stream {

std::string_view EventIds::add(std::string_view bytes) {
  out_.clear();
  starts_.clear();
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view line = bytes.substr(0, end == bytes.npos ? bytes.size() : end + 1);
    bytes.remove_prefix(line.size());
    if (line_start_) {
      // A lone CR may be the first half of a blank line's end.
      const bool blank = line == "\n" || line == "\r\n" || line == "\r";
      if (!blank && between_) {
        between_ = false;
        starts_.push_back({++last_, out_.size()});
        out_.append("id: ").append(std::to_string(last_)).push_back('\n');
      }
      if (blank) between_ = true;
    }
    out_.append(line);
    line_start_ = line.ends_with('\n');
  }
  return out_;
}

}  // namespace baton::stream
