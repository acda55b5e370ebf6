#include "admin/audit_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "admin/audit_head.h"
#include "admin/json_writer.h"
#include "base/digest.h"
#include "http/json.h"
#include "http/json_view.h"
#include "metrics/log_text.h"

namespace baton::admin {
namespace {

constexpr std::string_view kHashField = ",\"hash\":\"";
constexpr std::string_view kFirst = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr size_t kTailBytes = 256 * 1024;

class File {
 public:
  File(const std::string& path, int flags) : file_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (file_ >= 0) ::close(file_);
  }
  bool open() const { return file_ >= 0; }
  int get() const { return file_; }

 private:
  int file_;
};

std::unexpected<Error> failure(const std::string& path) {
  return fail(ErrorCode::kStore, Fault::kUs, path + ": " + std::strerror(errno));
}

// What is there from `from` on, `bytes_max` at most.
std::optional<std::string> read_at(int file, off_t from, size_t bytes_max) {
  std::string out(bytes_max, '\0');
  size_t got = 0;
  while (got < bytes_max) {
    const ssize_t more = ::pread(file, out.data() + got, bytes_max - got, from + static_cast<off_t>(got));
    if (more < 0) return std::nullopt;
    if (more == 0) break;
    got += static_cast<size_t>(more);
  }
  out.resize(got);
  return out;
}

struct Entry {
  int64_t seq = 0;
  std::string_view previous;
  std::string_view hash;
  std::string_view hashed;  // the bytes that the hash is over
};

// Of one line without its line break; nothing when it is not an entry.
std::optional<Entry> parse(std::string_view line, http::JsonScanner& scanner, std::string& room) {
  room.assign(line);
  room.append(http::kJsonPadding, '\0');
  const std::string_view object(room.data(), line.size());
  const size_t at = line.rfind(kHashField);
  if (at == line.npos || line.size() - at != kHashField.size() + 64 + 2 || !line.ends_with("\"}")) return std::nullopt;
  if (!scanner.scan_object(object)) return std::nullopt;
  const auto seq = http::json_int(http::json_member(line, "seq"));
  const std::string_view previous = http::json_word(line, "previous");
  if (!seq || previous.size() != 64) return std::nullopt;
  return Entry{*seq, previous, line.substr(at + kHashField.size(), 64), line.substr(0, at)};
}

// Walks lines; keeps what the next one must say.
class Chain {
 public:
  // The reason why the line does not fit, or nothing.
  std::optional<std::string> add(std::string_view line) {
    const auto entry = parse(line, scanner_, room_);
    if (!entry) return "is no entry";
    if (entry->seq != seq_ + 1)
      return "has the number " + std::to_string(entry->seq) + " instead of " + std::to_string(seq_ + 1);
    if (entry->previous != last_) return "does not follow the entry before it";
    if (hex(sha256(entry->hashed)) != entry->hash) return "is not as it was written";
    seq_ = entry->seq;
    last_ = entry->hash;
    return std::nullopt;
  }
  int64_t seq() const { return seq_; }
  const std::string& last() const { return last_; }

 private:
  http::JsonScanner scanner_;
  std::string room_;
  int64_t seq_ = 0;
  std::string last_{kFirst};
};

}  // namespace

Expected<void> AuditLog::append(const AuditEntry& entry, WallTime now) const {
  const File file(path_, O_RDWR | O_CREAT);
  if (!file.open()) return failure(path_);
  if (::flock(file.get(), LOCK_EX) != 0) return failure(path_);
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kTailBytes));
  auto tail = read_at(file.get(), from, kTailBytes);
  if (size < 0 || !tail) return failure(path_);
  // An entry that a crash cut short was never acknowledged.
  const size_t whole = tail->rfind('\n') == tail->npos ? 0 : tail->rfind('\n') + 1;
  const off_t end = from + static_cast<off_t>(whole);
  if (end != size && ::ftruncate(file.get(), end) != 0) return failure(path_);
  std::string_view lines(tail->data(), whole);
  int64_t seq = 0;
  std::string previous(kFirst);
  if (!lines.empty()) {
    lines.remove_suffix(1);
    http::JsonScanner scanner;
    std::string room;
    const std::string_view last = lines.substr(lines.rfind('\n') == lines.npos ? 0 : lines.rfind('\n') + 1);
    if (const auto found = parse(last, scanner, room)) {
      seq = found->seq;
      previous = found->hash;
    } else {
      previous = hex(sha256(last));  // what stands there is no entry: verify() says so, and the log goes on behind it
    }
  }
  // A log that was cut off does not go on as if nothing were missing: the gap shows for good.
  const auto head = read_audit_head(folder_);
  if (!head) return std::unexpected(head.error());
  if (*head && (static_cast<int64_t>((*head)->entries) > seq ||
                (static_cast<int64_t>((*head)->entries) == seq && (*head)->hash != previous))) {
    seq = static_cast<int64_t>((*head)->entries);
    previous = (*head)->hash;
  }
  std::string line;
  JsonWriter json(line);
  const auto cut = [](std::string_view text) { return metrics::cut(text, kAuditTextBytesMax); };
  json.begin_object()
      .field("seq", seq + 1)
      .field("time", now)
      .field("who", cut(entry.who))
      .field("role", cut(entry.role));
  json.field("action", cut(entry.action)).field("target", cut(entry.target)).field("outcome", cut(entry.outcome));
  json.field("previous", std::string_view(previous));
  const std::string hash = hex(sha256(line));
  line.append(kHashField).append(hash).append("\"}\n");
  if (::pwrite(file.get(), line.data(), line.size(), end) != static_cast<ssize_t>(line.size()) ||
      ::fdatasync(file.get()) != 0) {
    const int why = errno;
    (void)!::ftruncate(file.get(), end);
    errno = why;
    return failure(path_);
  }
  // After the entry: a crash in between leaves a log that is longer than its head, which is no loss.
  return keep_audit_head(folder_, {static_cast<uint64_t>(seq + 1), hash}, now);
}

Expected<AuditState> AuditLog::verify() const {
  AuditState state{.last_hash = std::string(kFirst)};
  const File file(path_, O_RDONLY);
  if (!file.open() && errno != ENOENT) return failure(path_);
  if (file.open() && ::flock(file.get(), LOCK_SH) != 0) return failure(path_);
  const auto head = read_audit_head(folder_);
  if (!head) return std::unexpected(head.error());
  if (!file.open()) {
    if (*head) state.missing = (*head)->entries;
    return state;
  }
  Chain chain;
  off_t from = 0;
  uint64_t line_number = 0;
  while (true) {
    auto block = read_at(file.get(), from, kTailBytes);
    if (!block) return failure(path_);
    if (block->empty()) break;
    std::string_view left = *block;
    for (size_t end = left.find('\n'); end != left.npos; end = left.find('\n')) {
      ++line_number;
      auto why = chain.add(left.substr(0, end));
      if (why) {
        state.wrong_line = line_number;
        state.why = std::move(*why);
        return state;
      }
      ++state.entries;
      state.last_hash = chain.last();
      if (*head && (*head)->entries == state.entries) state.replaced = (*head)->hash != state.last_hash;
      left.remove_prefix(end + 1);
    }
    const size_t taken = block->size() - left.size();
    if (taken == 0) {
      // The rest of the file holds no line break: an entry that was cut short is none, anything longer is not ours.
      if (block->size() <= kEntryBytesMax) break;
      state.wrong_line = line_number + 1;
      state.why = "does not end";
      return state;
    }
    from += static_cast<off_t>(taken);
  }
  if (*head && (*head)->entries > state.entries) state.missing = (*head)->entries - state.entries;
  return state;
}

Expected<std::vector<std::string>> AuditLog::latest(size_t entries_max) const {
  std::vector<std::string> out;
  const File file(path_, O_RDONLY);
  if (!file.open()) {
    if (errno == ENOENT) return out;
    return failure(path_);
  }
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  const off_t span = std::min<off_t>(size, static_cast<off_t>(entries_max * kEntryBytesMax));
  const off_t from = size - std::min<off_t>(span, 4 * static_cast<off_t>(kMiB));
  auto block = read_at(file.get(), from, static_cast<size_t>(size - from));
  if (size < 0 || !block) return failure(path_);
  std::string_view left(*block);
  if (from > 0)
    left.remove_prefix(std::min(left.size(), left.find('\n') == left.npos ? left.size() : left.find('\n') + 1));
  left = left.substr(0, left.rfind('\n') == left.npos ? 0 : left.rfind('\n') + 1);
  http::JsonScanner scanner;
  std::string room;
  while (!left.empty() && out.size() < entries_max) {
    left.remove_suffix(1);
    const size_t at = left.rfind('\n') == left.npos ? 0 : left.rfind('\n') + 1;
    const std::string_view line = left.substr(at);
    if (parse(line, scanner, room)) out.emplace_back(line);
    left = left.substr(0, at);
  }
  return out;
}

}  // namespace baton::admin
