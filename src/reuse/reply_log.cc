#include "reuse/reply_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/digest.h"
#include "reuse/reply_record.h"

namespace baton::reuse {

namespace {

constexpr std::string_view kMagic = "BRL1";
constexpr size_t kSizeBytes = 4;
constexpr size_t kHeadBytes = 4 + kSizeBytes + sizeof(Sha256);
constexpr uint64_t kSegmentBytesMin = 1 * kMiB;
constexpr uint64_t kSegmentBytesMax = 64 * kMiB;
constexpr uint64_t kRecordBytesMax = 80 * kMiB;  // more than any reply that is kept
// For the moment between a successor's first call and its predecessor's leaving.
constexpr int kHoldTries = 10;
constexpr auto kHoldPause = std::chrono::milliseconds(20);

std::string read_whole(const std::string& path, uint64_t bytes_max) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return text;
  while (text.size() < bytes_max) {
    const size_t before = text.size();
    text.resize(before + 1 * kMiB);
    const ssize_t got = ::read(file, text.data() + before, text.size() - before);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
  }
  ::close(file);
  return text;
}

bool write_whole(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put_down = ::write(file, bytes.data(), bytes.size());
    if (put_down < 0 && errno == EINTR) continue;
    if (put_down <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put_down));
  }
  return true;
}

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Expected<std::unique_ptr<ReplyLog>> ReplyLog::open(Options options, const runtime::Clock& clock) {
  std::unique_ptr<ReplyLog> log(new ReplyLog(std::move(options), clock));
  std::error_code error;
  std::filesystem::create_directories(log->options_.folder, error);
  if (error || ::chmod(log->options_.folder.c_str(), 0700) != 0)
    return fail(ErrorCode::kStore, Fault::kUs,
                log->options_.folder + ": " + (error ? error.message() : std::strerror(errno)));
  if (auto secret = log->find_secret(); !secret) return std::unexpected(secret.error());
  log->lock_ = ::open((log->options_.folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log->lock_ < 0)
    return fail(ErrorCode::kStore, Fault::kUs, log->options_.folder + "/lock: " + std::strerror(errno));
  if (!log->hold()) log->find_segments();
  log->thread_ = std::thread([one = log.get()] { one->run(); });
  return log;
}

ReplyLog::~ReplyLog() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  there_is_work_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (file_ >= 0) ::close(file_);
  if (lock_ >= 0) ::close(lock_);
}

bool ReplyLog::hold() {
  if (held_ || ::flock(lock_, LOCK_EX | LOCK_NB) != 0) return held_;
  held_ = true;
  find_segments();  // another process may have written since
  return true;
}

bool ReplyLog::hold_soon() {
  for (int i = 0; i < kHoldTries && !hold(); ++i) std::this_thread::sleep_for(kHoldPause);
  return held_;
}

void ReplyLog::leave() {
  {
    std::lock_guard lock(mutex_);
    left_ = true;
  }
  settle();  // after which the thread has nothing to do any more
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
  held_ = false;
}

Expected<void> ReplyLog::find_secret() {
  const std::string path = options_.folder + "/secret";
  const std::string known = read_whole(path, 2 * secret_.size());
  if (known.size() == secret_.size()) {
    std::memcpy(secret_.data(), known.data(), secret_.size());
    return {};
  }
  random_bytes(secret_);
  ::unlink(path.c_str());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = file >= 0 && write_whole(file, {reinterpret_cast<const char*>(secret_.data()), secret_.size()});
  const int why = errno;
  if (file >= 0) ::close(file);
  if (!written) return fail(ErrorCode::kStore, Fault::kUs, path + ": " + std::strerror(why));
  return {};
}

std::string ReplyLog::path_of(uint64_t segment) const {
  std::string digits = std::to_string(segment);
  return options_.folder + "/" + std::string(20 - std::min<size_t>(20, digits.size()), '0') + digits + ".log";
}

void ReplyLog::find_segments() {
  segments_.clear();
  counts_.bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".log")) continue;
    uint64_t number = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size() - 4, number);
    if (wrong != std::errc{} || end != name.data() + name.size() - 4) continue;
    std::error_code gone;
    const uint64_t bytes = entry.file_size(gone);
    if (!gone) segments_.push_back({number, bytes});
  }
  std::ranges::sort(segments_, {}, &Segment::number);
  for (const Segment& one : segments_) counts_.bytes += static_cast<int64_t>(one.bytes);
  if (held_) forget_oldest(0);
}

template <class Visit>
void ReplyLog::each_record(std::string_view bytes, Visit&& visit) {
  bool whole = true;
  for (size_t at = 0; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    uint64_t size = 0;
    bool good = rest.size() >= kHeadBytes && rest.starts_with(kMagic);
    if (good) {
      for (unsigned i = 0; i < kSizeBytes; ++i)
        size |= uint64_t{static_cast<uint8_t>(rest[kMagic.size() + i])} << (8 * i);
      good = size <= rest.size() - kHeadBytes && size <= kRecordBytesMax;
    }
    const std::string_view payload = good ? rest.substr(kHeadBytes, size) : std::string_view{};
    if (good) {
      const std::string_view key(reinterpret_cast<const char*>(secret_.data()), secret_.size());
      good = rest.substr(kMagic.size() + kSizeBytes, sizeof(Sha256)) == bytes_of(hmac_sha256(key, payload));
    }
    if (good) {
      visit(payload, rest.substr(0, kHeadBytes + size));
      at += kHeadBytes + size;
      whole = true;
      continue;
    }
    // What is damaged ends where the next record begins.
    if (whole) ++counts_.damaged;
    whole = false;
    const size_t next = bytes.find(kMagic, at + 1);
    if (next == bytes.npos) break;
    at = next;
  }
}

void ReplyLog::append_record(std::string& out, std::string_view payload) const {
  const std::string_view key(reinterpret_cast<const char*>(secret_.data()), secret_.size());
  out.append(kMagic);
  for (unsigned i = 0; i < kSizeBytes; ++i) out.push_back(static_cast<char>(payload.size() >> (8 * i) & 0xff));
  out.append(bytes_of(hmac_sha256(key, payload))).append(payload);
}

void ReplyLog::restore(ReplyStore& store) {
  const Instant now = clock_.now();
  const WallTime wall = clock_.wall();
  for (Segment& segment : segments_) {
    const std::string bytes = read_whole(path_of(segment.number), 2 * kSegmentBytesMax + kRecordBytesMax);
    const uint64_t before = counts_.restored;
    each_record(bytes, [&](std::string_view payload, std::string_view) {
      auto reply = read_record(payload, now, wall);
      if (reply != nullptr && store.restore(std::move(reply), now)) ++counts_.restored;
    });
    if (counts_.restored != before || !held_) continue;
    ::unlink(path_of(segment.number).c_str());
    counts_.bytes -= static_cast<int64_t>(std::exchange(segment.bytes, 0));
  }
  std::erase_if(segments_, [](const Segment& one) { return one.bytes == 0; });
}

void ReplyLog::write(std::shared_ptr<const KeptReply> reply, uint64_t purges, const ReplyStore& store) {
  const size_t bytes = reply->content.size() + sizeof(KeptReply);
  {
    std::lock_guard lock(mutex_);
    if (left_ || purges != store.purges()) return;
    if (queued_bytes_ + bytes > kLogQueueBytesMax) {
      ++counts_.dropped;
      return;
    }
    queued_bytes_ += bytes;
    ++taken_;
    jobs_.push_back({.reply = std::move(reply)});
  }
  there_is_work_.notify_one();
}

void ReplyLog::purge(const Selection& what) {
  if (what.empty()) return;
  {
    std::lock_guard lock(mutex_);
    if (left_) return;
    ++taken_;
    jobs_.push_back({.purge = std::make_unique<Chosen>(what)});
  }
  there_is_work_.notify_one();
  settle();
}

void ReplyLog::settle() {
  std::unique_lock lock(mutex_);
  const uint64_t until = taken_;
  done_.wait(lock, [&] { return finished_ >= until; });
}

std::string ReplyLog::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

void ReplyLog::say(std::string trouble) {
  std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

void ReplyLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    there_is_work_.wait(lock, [&] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::vector<Job> jobs;
    while (!jobs_.empty()) {
      if (jobs_.front().reply != nullptr) queued_bytes_ -= jobs_.front().reply->content.size() + sizeof(KeptReply);
      jobs.push_back(std::move(jobs_.front()));
      jobs_.pop_front();
    }
    lock.unlock();
    append(jobs);
    lock.lock();
    finished_ += jobs.size();
    done_.notify_all();
  }
}

// Each purge takes effect on what was written before it.
void ReplyLog::append(const std::vector<Job>& jobs) {
  std::string records;
  uint64_t count = 0;
  const auto flush = [&] {
    if (records.empty()) return;
    (write_out(records) ? counts_.written : counts_.failed) += count;
    records.clear();
    count = 0;
  };
  for (const Job& job : jobs) {
    if (job.reply != nullptr) {
      append_record(records, write_record(*job.reply, clock_.now(), clock_.wall()));
      ++count;
      if (records.size() >= kSegmentBytesMin) flush();
      continue;
    }
    flush();
    if (!hold_soon()) find_segments();  // what is purged goes, whoever writes
    for (Segment& segment : segments_) rewrite(segment, job.purge->selection());
    std::erase_if(segments_, [](const Segment& one) { return one.bytes == 0; });
  }
  flush();
}

bool ReplyLog::write_out(std::string_view records) {
  if (!hold_soon()) {
    say(options_.folder + ": another process writes there");
    return false;
  }
  forget_oldest(records.size());
  if (counts_.bytes + static_cast<int64_t>(records.size()) > static_cast<int64_t>(options_.bytes_max)) return false;
  const uint64_t segment_bytes =
      std::clamp<uint64_t>(options_.bytes_max / kSegmentsExpected, kSegmentBytesMin, kSegmentBytesMax);
  if (file_ < 0 || segments_.empty() || segments_.back().bytes >= segment_bytes) {
    if (file_ >= 0) ::close(file_);
    const uint64_t number = segments_.empty() ? 1 : segments_.back().number + 1;
    const std::string path = path_of(number);
    file_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file_ < 0) {
      say(path + ": " + std::strerror(errno));
      return false;
    }
    segments_.push_back({number, 0});
  }
  if (!write_whole(file_, records)) {
    say(path_of(segments_.back().number) + ": " + std::strerror(errno));
    ::close(std::exchange(file_, -1));  // what came of it is half a record, which is passed over
    return false;
  }
  say({});
  segments_.back().bytes += records.size();
  counts_.bytes += static_cast<int64_t>(records.size());
  return true;
}

// Until there is room for so many bytes more.
void ReplyLog::forget_oldest(uint64_t bytes) {
  const auto limit = static_cast<int64_t>(options_.bytes_max) - static_cast<int64_t>(bytes);
  while (!segments_.empty() && counts_.bytes > limit) {
    if (segments_.size() == 1 && file_ >= 0) ::close(std::exchange(file_, -1));
    ::unlink(path_of(segments_.front().number).c_str());
    counts_.bytes -= static_cast<int64_t>(segments_.front().bytes);
    segments_.erase(segments_.begin());
  }
}

// Replaced by one that lacks what is selected. Where that cannot be written the whole segment goes: what was purged
// must not come back.
void ReplyLog::rewrite(Segment& segment, const Selection& without) {
  const std::string path = path_of(segment.number);
  std::string left;
  bool any = false;
  if (!without.all) {
    const std::string bytes = read_whole(path, 2 * kSegmentBytesMax + kRecordBytesMax);
    each_record(bytes, [&](std::string_view payload, std::string_view record) {
      const auto reply = read_record(payload, clock_.now(), clock_.wall());
      if (reply != nullptr && !selects(without, *reply)) {
        left.append(record);
      } else {
        any = true;
      }
    });
    if (!any && left.size() == bytes.size()) return;
  }
  if (file_ >= 0 && &segment == &segments_.back()) ::close(std::exchange(file_, -1));
  const std::string mine = path + ".new";
  const int file =
      left.empty() ? -1 : ::open(mine.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool good = file >= 0 && write_whole(file, left) && ::fdatasync(file) == 0;
  if (file >= 0) ::close(file);
  good = good && ::rename(mine.c_str(), path.c_str()) == 0;
  if (!good) {
    ::unlink(mine.c_str());
    ::unlink(path.c_str());
    left.clear();
  }
  counts_.bytes += static_cast<int64_t>(left.size()) - static_cast<int64_t>(segment.bytes);
  segment.bytes = left.size();
}

}  // namespace baton::reuse
