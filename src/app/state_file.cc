#include "app/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/units.h"

namespace baton::app {

std::expected<std::string, int> read_state_file(const std::string& path, size_t bytes_max) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return std::unexpected(errno);
  std::string text;
  while (text.size() <= bytes_max) {
    const size_t before = text.size();
    text.resize(before + 256 * kKiB);
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
  }
  ::close(file);
  return text;
}

std::string replace_state_file(const std::string& path, std::string_view text) {
  const std::string mine = path + ".new";
  ::unlink(mine.c_str());
  const int file = ::open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return mine + ": " + std::strerror(errno);
  const bool done =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fdatasync(file) == 0;
  const int why = errno;
  ::close(file);
  if (!done || ::rename(mine.c_str(), path.c_str()) != 0) {
    const std::string reason = path + ": " + std::strerror(done ? errno : why);
    ::unlink(mine.c_str());
    return reason;
  }
  return {};
}

}  // namespace baton::app
