#include "auth/nonce_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/ascii.h"

namespace baton::auth {
namespace {

constexpr std::string_view kBootFile = "/boot";
constexpr std::string_view kHorizonFile = "/horizon";
constexpr std::chrono::seconds kHardlyAhead{2};   // less than it takes to start a host
constexpr std::chrono::seconds kHorizonStep{10};  // so that it is not written for each request
constexpr int64_t kMarkBytes = sizeof(NonceMark);

int64_t minute_of(WallTime time) { return std::chrono::floor<std::chrono::minutes>(time).time_since_epoch().count(); }
WallTime end_of(int64_t minute) { return WallTime(std::chrono::minutes(minute + 1)); }

std::string read_small(const std::string& path) {
  std::array<char, 64> text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return {};
  const ssize_t got = ::read(file, text.data(), text.size());
  ::close(file);
  std::string_view all(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  return std::string(all.substr(0, all.find('\n')));
}

// Half a mark, left by a disk that was full, is filled up so that those behind it stand where they are looked for.
bool even_out(int file, int64_t size) {
  static constexpr NonceMark kNothing{};
  const auto missing = static_cast<size_t>((kMarkBytes - size % kMarkBytes) % kMarkBytes);
  return missing == 0 || ::write(file, kNothing.data(), missing) == static_cast<ssize_t>(missing);
}

bool write_small(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return false;
  const bool written = ::pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                       ::ftruncate(file, static_cast<off_t>(text.size())) == 0 && ::fdatasync(file) == 0;
  ::close(file);
  return written;
}

WallTime read_horizon(const std::string& folder) {
  const auto ms = ascii::decimal(read_small(folder + std::string(kHorizonFile)));
  return WallTime(std::chrono::milliseconds(static_cast<int64_t>(ms.value_or(0))));
}

std::unexpected<Error> store_failure() {
  return fail(ErrorCode::kStore, Fault::kUs, std::string("nonces: ") + std::strerror(errno), Retry::kLater);
}
std::unexpected<Error> used() {
  return fail(
      ErrorCode::kUnauthenticated, Fault::kClient,
      "This signed request has come before. Sign each request anew, a repeated one too, with a nonce of its own.");
}

}  // namespace

size_t NonceFile::MarkHash::operator()(const NonceMark& mark) const {
  size_t first;
  std::memcpy(&first, mark.data(), sizeof first);
  return first;
}

std::string NonceFile::this_boot() { return read_small("/proc/sys/kernel/random/boot_id"); }

NonceFile::NonceFile(Options options, WallTime now) : options_(std::move(options)) { load(now); }

NonceFile::~NonceFile() {
  for (auto& [minute, held] : minutes_) {
    if (held.file >= 0) ::close(held.file);
  }
}

std::string NonceFile::path_of(int64_t minute) const { return options_.folder + "/" + std::to_string(minute); }

void NonceFile::load(WallTime now) {
  const std::string boot = read_small(options_.folder + std::string(kBootFile));
  // Whether something was lost, or removed, is not known then.
  horizon_ = read_horizon(options_.folder);
  // Most clients write whole seconds.
  const WallTime start = std::chrono::floor<std::chrono::seconds>(now);
  if (boot.empty() || boot != options_.boot_id) barrier_ = std::max(start, horizon_);
  DIR* folder = ::opendir(options_.folder.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) {
    const auto minute = ascii::decimal(entry->d_name);
    if (!minute) continue;
    const auto number = static_cast<int64_t>(*minute);
    if (end_of(number) <= now) {
      ::unlink(path_of(number).c_str());
    } else if (!open(number)) {
      barrier_ = std::max(start, horizon_);
    }
  }
  ::closedir(folder);
}

Expected<void> NonceFile::make_folder() {
  if (folder_made_) return {};
  // The folder above may not be there either.
  const std::string above = options_.folder.substr(0, options_.folder.rfind('/'));
  if (::mkdir(above.c_str(), 0700) != 0 && errno != EEXIST) return store_failure();
  if (::mkdir(options_.folder.c_str(), 0700) != 0 && errno != EEXIST) return store_failure();
  const std::string path = options_.folder + std::string(kBootFile);
  if (read_small(path) != options_.boot_id) {
    if (!write_small(path, options_.boot_id + "\n")) return store_failure();
  }
  folder_made_ = true;
  return {};
}

void NonceFile::forget(WallTime now) {
  while (!minutes_.empty() && end_of(minutes_.begin()->first) <= now) {
    Minute& oldest = minutes_.begin()->second;
    size_.fetch_sub(oldest.marks.size(), std::memory_order_relaxed);
    if (oldest.file >= 0) ::close(oldest.file);
    ::unlink(path_of(minutes_.begin()->first).c_str());
    // A clock that is set back must not bring back to life what has been forgotten.
    barrier_ = std::max(barrier_, end_of(minutes_.begin()->first) - kSignatureWindow);
    minutes_.erase(minutes_.begin());
  }
}

Expected<void> NonceFile::look_ahead(WallTime signed_at, WallTime now) {
  if (signed_at <= now + kHardlyAhead || signed_at <= horizon_) return {};
  horizon_ = std::max(signed_at + kHorizonStep, read_horizon(options_.folder));
  const std::string text = std::to_string(horizon_.time_since_epoch().count()) + "\n";
  if (write_small(options_.folder + std::string(kHorizonFile), text)) return {};
  horizon_ = {};
  return store_failure();
}

bool NonceFile::known(const NonceMark& mark) const {
  for (const auto& [minute, held] : minutes_) {
    if (held.marks.contains(mark)) return true;
  }
  return false;
}

bool NonceFile::read_on(Minute& minute, int64_t end) {
  std::array<NonceMark, 256> some;
  while (minute.read_to + kMarkBytes <= end) {
    const auto wanted =
        std::min<int64_t>(static_cast<int64_t>(sizeof some), (end - minute.read_to) / kMarkBytes * kMarkBytes);
    const ssize_t got = ::pread(minute.file, some.data(), static_cast<size_t>(wanted), minute.read_to);
    if (got < kMarkBytes) return false;
    for (int64_t i = 0; i < got / kMarkBytes; ++i) {
      if (minute.marks.insert(some[static_cast<size_t>(i)]).second) size_.fetch_add(1, std::memory_order_relaxed);
    }
    minute.read_to += got / kMarkBytes * kMarkBytes;
  }
  return true;
}

Expected<NonceFile::Minute*> NonceFile::open(int64_t minute) {
  Minute& held = minutes_[minute];
  if (held.file >= 0) return &held;
  held.file = ::open(path_of(minute).c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (held.file < 0) return store_failure();
  struct stat facts{};
  if (::fstat(held.file, &facts) == 0 && even_out(held.file, facts.st_size) && read_on(held, facts.st_size))
    return &held;
  const auto failure = store_failure();
  ::close(std::exchange(held.file, -1));
  return failure;
}

Expected<void> NonceFile::take(NonceMark mark, WallTime signed_at, WallTime now) {
  std::lock_guard lock(mutex_);
  forget(now);
  if (signed_at < barrier_) {
    return fail(
        ErrorCode::kUnauthenticated, Fault::kClient,
        "This request was signed before the relay began to remember nonces. Sign it again; if that does not help, "
        "this client's clock is behind the relay's.");
  }
  if (known(mark)) return used();
  if (size() >= options_.nonces_max)
    return fail(ErrorCode::kOverloaded, Fault::kUs, "nonces: too many are remembered", Retry::kLater);
  if (auto made = make_folder(); !made) return made;
  if (auto looked = look_ahead(signed_at, now); !looked) return looked;
  auto minute = open(minute_of(signed_at + kSignatureWindow));
  if (!minute) return std::unexpected(minute.error());
  Minute& held = **minute;
  const ssize_t wrote = ::write(held.file, mark.data(), mark.size());
  const int64_t end = ::lseek(held.file, 0, SEEK_CUR);
  if (wrote != kMarkBytes || end < kMarkBytes) {
    // Half a mark would shift all that follow it.
    if (wrote > 0 && ::ftruncate(held.file, end - wrote) != 0) held.read_to = end;
    if (wrote >= 0) errno = ENOSPC;
    return store_failure();
  }
  // What other processes wrote before it counts before it.
  if (!read_on(held, end - kMarkBytes)) return store_failure();
  const bool first = held.marks.insert(mark).second;
  held.read_to = end;
  if (!first) return used();
  size_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

runtime::Task<Expected<void>> NonceFile::claim(runtime::Loop&, NonceMark mark, WallTime signed_at, WallTime now) {
  co_return take(mark, signed_at, now);
}

}  // namespace baton::auth
