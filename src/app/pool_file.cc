#include "app/pool_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace baton::app {

std::string PoolFile::restore(accounts::AccountPool& pool, const runtime::Clock& clock) {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    if (errno == ENOENT) return {};
    return "what was known of the accounts is not read: " + path_ + ": " + std::strerror(errno);
  }
  std::string text;
  while (text.size() <= kFileBytesMax) {
    const size_t before = text.size();
    text.resize(before + 256 * kKiB);
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
  }
  ::close(file);
  const auto memory = accounts::memory_from_text(text);
  if (!memory) return "what was known of the accounts is not taken over: " + path_ + ": " + memory.error();
  if (clock.wall() - memory->saved > kAgeMax)
    return "what was known of the accounts is not taken over: " + path_ + " is more than a month old";
  pool.restore(*memory, clock.now());
  size_t kept_out = 0;
  for (const auto& one : memory->accounts) {
    kept_out += one.duty != accounts::Duty::kOn || one.parked != accounts::ParkReason::kNone || one.ejected_until;
  }
  if (kept_out == 0) return {};
  return std::to_string(kept_out) +
         " of the accounts stay out of use, as before the restart; `baton accounts` tells why";
}

std::string PoolFile::keep(const accounts::AccountPool& pool, Instant now, bool now_or_never) {
  if (now < next_ && !now_or_never) return {};
  next_ = now + kEvery;
  accounts::PoolMemory memory = pool.save(now);
  const WallTime saved = std::exchange(memory.saved, WallTime{});
  // Levels fill by themselves; that alone is no change.
  auto levels = std::move(memory.limits);
  memory.limits.clear();
  for (const auto& one : levels) {
    memory.limits.push_back(
        {.domain = one.domain, .limits = one.limits, .benched_until = one.benched_until, .limit = one.limit});
  }
  const Sha256 content = sha256(to_text(memory));
  if (written_ == content && !now_or_never) return {};
  memory.limits = std::move(levels);
  memory.saved = saved;
  const std::string text = to_text(memory);
  const std::string mine = path_ + ".new";
  ::unlink(mine.c_str());
  const int file = ::open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return mine + ": " + std::strerror(errno);
  const bool done =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fdatasync(file) == 0;
  const int why = errno;
  ::close(file);
  if (!done || ::rename(mine.c_str(), path_.c_str()) != 0) {
    const std::string reason = path_ + ": " + std::strerror(done ? errno : why);
    ::unlink(mine.c_str());
    return reason;
  }
  written_ = content;
  return {};
}

}  // namespace baton::app
