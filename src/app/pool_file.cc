#include "app/pool_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "app/state_file.h"

namespace baton::app {

std::string PoolFile::restore(accounts::AccountPool& pool, const runtime::Clock& clock) {
  const auto text = read_state_file(path_, kFileBytesMax);
  if (!text) {
    if (text.error() == ENOENT) return {};
    return "what was known of the accounts is not read: " + path_ + ": " + std::strerror(text.error());
  }
  const auto memory = accounts::memory_from_text(*text);
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
  if (std::string wrong = replace_state_file(path_, text); !wrong.empty()) return wrong;
  written_ = content;
  return {};
}

}  // namespace baton::app
