#include "metrics/log.h"

#include <utility>

#include "metrics/log_text.h"

namespace baton::metrics {

Log::Log(const runtime::Clock& clock, int descriptor)
    : clock_(clock), sink_(LineSink::borrow(descriptor)), minute_began_(clock.now()) {}

void Log::say(std::string_view message) {
  std::lock_guard lock(mutex_);
  write(message, 0);
}

void Log::trouble(std::string_view topic, std::string_view message) {
  std::lock_guard lock(mutex_);
  Instant now = clock_.now();
  auto found = topics_.find(topic);
  if (found != topics_.end() && now - found->second.spoke < kTopicPause) {
    ++found->second.kept_back;
    return;
  }
  if (now - minute_began_ >= std::chrono::minutes(1)) {
    minute_began_ = now;
    lines_this_minute_ = 0;
  }
  if (lines_this_minute_ >= kLinesPerMinuteMax) {
    ++kept_back_;
    return;
  }
  ++lines_this_minute_;
  if (found == topics_.end()) {
    // Topics are few and named by the program; should they not be, the counts of what was kept back are lost, nothing
    // else.
    if (topics_.size() >= kTopicsMax) topics_.clear();
    found = topics_.emplace(topic, Topic{}).first;
  }
  found->second.spoke = now;
  uint64_t kept_back = std::exchange(found->second.kept_back, 0) + std::exchange(kept_back_, 0);
  write(message, kept_back);
}

void Log::write(std::string_view message, uint64_t kept_back) {
  std::string line = "baton: ";
  append_shown(line, cut(message, kLineBytesMax));
  if (kept_back > 0) line += " (" + std::to_string(kept_back) + " more lines were kept back)";
  line += '\n';
  // Whoever does not read stderr misses lines.
  (void)sink_.write(line);
}

}  // namespace baton::metrics
