#include "app/similar_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace baton::app {

namespace {

constexpr std::string_view kNotTaken = "what similarity had learnt is not taken over, it begins anew: ";

}  // namespace

std::string SimilarFile::restore(similar::Memory& memory, const runtime::Clock& clock) {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return errno == ENOENT ? std::string() : std::string(kNotTaken) + path_ + ": " + std::strerror(errno);
  std::string text;
  while (text.size() <= kFileBytesMax) {
    const size_t before = text.size();
    text.resize(before + 256 * kKiB);
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
  }
  ::close(file);
  const auto scopes = memory.restore(text, clock.now(), clock.wall());
  if (!scopes) return std::string(kNotTaken) + path_ + ": " + scopes.error().detail;
  return "what similarity had learnt of " + std::to_string(*scopes) + " scopes is known again";
}

std::string SimilarFile::keep(const similar::Memory& memory, const runtime::Clock& clock, bool now_or_never) {
  if (clock.now() < next_ && !now_or_never) return {};
  next_ = clock.now() + kEvery;
  const Sha256 content = sha256(memory.save(clock.now(), WallTime{}));
  if (written_ == content) return {};
  const std::string text = memory.save(clock.now(), clock.wall());
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
