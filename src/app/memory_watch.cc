#include "app/memory_watch.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/ascii.h"

namespace baton::app {

using Level = MemoryPressure::Level;

MemoryWatch::MemoryWatch(size_t limit, MemoryPressure& pressure, metrics::Log& log)
    : limit_(limit), pressure_(pressure), log_(log) {
  if (limit_ == 0) return;
  statm_ = net::Fd(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (!statm_) log_.say("max_memory: /proc cannot be read, so that the limit cannot be held");
}

size_t MemoryWatch::resident() const {
  std::array<char, 128> text;
  const ssize_t got = ::pread(statm_.get(), text.data(), text.size(), 0);
  if (got <= 0) return 0;
  // size resident shared ...
  std::string_view left(text.data(), static_cast<size_t>(got));
  left.remove_prefix(std::min(left.find(' ') + 1, left.size()));
  const auto pages = ascii::decimal(left.substr(0, left.find(' ')));
  return pages ? static_cast<size_t>(*pages) * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

void MemoryWatch::look(Instant now) {
  if (!watches()) return;
  const Level before = pressure_.level();
  Level level = MemoryPressure::level_of(resident(), limit_, before);
  if (level != Level::kNone && now >= next_trim_) {
    next_trim_ = now + kTrimEvery;
    ::malloc_trim(0);
    level = MemoryPressure::level_of(resident(), limit_, before);
  }
  if (level == before) return;
  pressure_.set(level);
  log_.trouble("memory", level == Level::kRefuse ? "memory: above 95 % of max_memory, new calls are refused"
                         : level == Level::kNoKeepAlive
                             ? "memory: above 92 % of max_memory, connections are not kept for another call"
                             : "memory: below the limit again");
}

}  // namespace baton::app
