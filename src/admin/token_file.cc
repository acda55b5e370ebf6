#include "admin/token_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "admin/config.h"
#include "base/digest.h"

namespace baton::admin {
namespace {

std::unexpected<Error> failure(const std::string& path, const std::string& why) {
  return fail(ErrorCode::kConfig, Fault::kUs, path + ": " + why);
}
std::unexpected<Error> system_failure(const std::string& path) { return failure(path, std::strerror(errno)); }

// Nothing when there is no such file.
Expected<std::optional<Secret>> read_if_there(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    if (errno == ENOENT) return std::nullopt;
    return system_failure(path);
  }
  struct stat facts{};
  std::array<char, kTokenBytesMax + 2> text{};
  const bool known = ::fstat(file, &facts) == 0;
  const ssize_t got = ::read(file, text.data(), text.size());
  const int why = errno;
  ::close(file);
  errno = why;
  if (!known || got < 0) return system_failure(path);
  if ((facts.st_mode & 077) != 0)
    return failure(path, "can be read by others than its owner; chmod 600 it, and make a new one if somebody did");
  std::string token(text.data(), static_cast<size_t>(got));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  Secret secret(token);
  std::fill(token.begin(), token.end(), '\0');
  text.fill('\0');
  if (secret.reveal().size() < kTokenBytesMin || secret.reveal().size() > kTokenBytesMax)
    return failure(path, "is not a token; remove it, and the relay makes a new one at its next start");
  return secret;
}

Expected<void> make(const std::string& path) {
  std::array<uint8_t, 32> random;
  random_bytes(random);
  const std::string mine = path + "." + std::to_string(::getpid());
  const int file = ::open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return system_failure(mine);
  const std::string text = std::string(kTokenPrefix) + hex(random) + "\n";
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  const bool placed = written && (::link(mine.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int why = errno;
  ::unlink(mine.c_str());
  errno = why;
  if (!placed) return system_failure(path);
  return {};
}

}  // namespace

Expected<FirstToken> open_token(const std::string& folder) {
  const std::string path = folder + "/" + std::string(kTokenFile);
  auto there = read_if_there(path);
  if (!there) return std::unexpected(there.error());
  if (*there) return FirstToken{std::move(**there), false};
  std::error_code ignored;
  if (std::filesystem::create_directories(folder, ignored)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ignored);
  }
  if (auto made = make(path); !made) return std::unexpected(made.error());
  there = read_if_there(path);
  if (!there) return std::unexpected(there.error());
  if (!*there) return failure(path, "cannot be made");
  return FirstToken{std::move(**there), true};
}

Expected<Secret> read_token(const std::string& folder) {
  const std::string path = folder + "/" + std::string(kTokenFile);
  auto there = read_if_there(path);
  if (!there) return std::unexpected(there.error());
  if (!*there)
    return failure(path,
                   "is not there; a relay makes it at its first start (--config or --data-dir names another folder)");
  return std::move(**there);
}

}  // namespace baton::admin
