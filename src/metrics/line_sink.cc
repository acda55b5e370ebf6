#include "metrics/line_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace baton::metrics {

LineSink LineSink::borrow(int descriptor) {
  struct stat about{};
  if (::fstat(descriptor, &about) != 0) return {};
  if (S_ISSOCK(about.st_mode)) return {descriptor, false, Kind::kSocket};
  if (S_ISREG(about.st_mode)) return {descriptor, false, Kind::kFile};
  // A pipe or terminal: a description of our own can be non-blocking without changing everyone else's.
  int own =
      ::open(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (own >= 0) return {own, true, Kind::kOwnFlags};
  return {descriptor, false, Kind::kShared};
}

Expected<LineSink> LineSink::append_to(const std::string& path) {
  int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (file < 0) return fail(ErrorCode::kConfig, Fault::kUs, path + ": " + std::strerror(errno));
  return LineSink(file, true, Kind::kOwnFlags);
}

LineSink::LineSink(LineSink&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), owned_(other.owned_), kind_(other.kind_) {}

LineSink& LineSink::operator=(LineSink&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(owned_, other.owned_);
  std::swap(kind_, other.kind_);
  return *this;
}

LineSink::~LineSink() {
  if (owned_ && descriptor_ >= 0) ::close(descriptor_);
}

Expected<size_t> LineSink::write(std::string_view bytes) {
  if (descriptor_ < 0) return fail(ErrorCode::kStore, Fault::kUs, "no log sink is open");
  while (true) {
    ssize_t wrote = 0;
    if (kind_ == Kind::kSocket) {
      wrote = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (kind_ == Kind::kShared) {
      // A pipe that is ready takes PIPE_BUF bytes without blocking.
      if (!wait(Duration{0})) return 0;
      wrote = ::write(descriptor_, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
    } else {
      wrote = ::write(descriptor_, bytes.data(), bytes.size());
    }
    if (wrote >= 0) return static_cast<size_t>(wrote);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    return fail(ErrorCode::kStore, Fault::kUs, std::strerror(errno));
  }
}

bool LineSink::wait(Duration at_most) {
  pollfd waited{.fd = descriptor_, .events = POLLOUT, .revents = 0};
  int ms = static_cast<int>(std::clamp<int64_t>(milliseconds(at_most), 0, INT_MAX));
  return ::poll(&waited, 1, ms) > 0;
}

}  // namespace baton::metrics
