#include "store/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace baton::store {

// A segment: a header, then records one behind the other. A record: its length, a check over its bytes that is seeded
// with the segment's generation (what an earlier use left behind is no record), its kind, its bytes, up to a multiple
// of eight. Numbers are the machine's own: a journal is read on the machine that wrote it.
struct JournalSegment {
  struct Header {
    char mark[8];
    uint64_t generation;
  };
  struct Record {
    uint32_t length;  // of what follows this struct
    uint32_t check;
  };
  static constexpr std::string_view kMark = "BATONJ1\n";

  Journal* journal = nullptr;
  char* bytes = nullptr;
  int file = -1;
  std::string path;
  uint64_t generation = 0;
  size_t used = sizeof(Header);

  ~JournalSegment() { journal->give_back(*this); }

  static uint32_t check_of(uint64_t generation, std::string_view record) {
    return static_cast<uint32_t>(hash64(record, generation));
  }
  static size_t padded(size_t length) { return (sizeof(Record) + length + 7) / 8 * 8; }

  bool fits(size_t length) const { return used + padded(1 + length) <= Journal::kSegmentBytes; }
  void append(Journal::Kind kind, std::string_view record) {
    char* const at = bytes + used;
    char* const content = at + sizeof(Record);
    content[0] = static_cast<char>(kind);
    std::memcpy(content + 1, record.data(), record.size());
    const Record head{static_cast<uint32_t>(1 + record.size()),
                      check_of(generation, std::string_view(content, 1 + record.size()))};
    std::memcpy(at, &head, sizeof head);
    used += padded(head.length);
  }
};

namespace {

using Segment = JournalSegment;

constexpr std::string_view kPrefix = "journal-";

std::unexpected<Error> failure(const std::string& path) {
  return fail(ErrorCode::kStore, Fault::kUs, path + ": " + std::strerror(errno), Retry::kLater);
}

// Null with errno. The file stays open and locked: that tells a living process's from those that were left.
char* map_new(const std::string& path, int& file) {
  file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return nullptr;
  ::flock(file, LOCK_EX | LOCK_NB);
  // With real blocks: a store into a page that the disk has no room for would end the process.
  errno = ::posix_fallocate(file, 0, static_cast<off_t>(Journal::kSegmentBytes));
  void* mapped = MAP_FAILED;
  if (errno == 0) mapped = ::mmap(nullptr, Journal::kSegmentBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) return static_cast<char*>(mapped);
  const int why = errno;
  ::close(file);
  ::unlink(path.c_str());
  errno = why;
  return nullptr;
}

void visit_segment(std::string_view bytes, const std::function<void(Journal::Kind, std::string_view)>& visit) {
  Segment::Header header;
  if (bytes.size() < sizeof header) return;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.mark, sizeof header.mark) != Segment::kMark) return;
  size_t at = sizeof header;
  Segment::Record record;
  while (at + sizeof record <= bytes.size()) {
    std::memcpy(&record, bytes.data() + at, sizeof record);
    if (record.length < 1 || record.length > bytes.size() - at - sizeof record) return;
    const std::string_view content = bytes.substr(at + sizeof record, record.length);
    if (record.check != Segment::check_of(header.generation, content) || content[0] == 0) return;
    visit(static_cast<Journal::Kind>(content[0]), content.substr(1));
    at += Segment::padded(record.length);
  }
}

}  // namespace

Expected<std::unique_ptr<Journal>> Journal::open(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failure(folder);
  std::unique_ptr<Journal> journal(new Journal(folder));
  // Whether the disk takes it is known before the first call.
  if (auto first = journal->take(); !first) return std::unexpected(first.error());
  return journal;
}

Journal::~Journal() {
  for (const Spare& spare : spares_) {
    ::munmap(spare.bytes, kSegmentBytes);
    ::unlink(spare.path.c_str());
    ::close(spare.file);
  }
}

Expected<std::shared_ptr<JournalSegment>> Journal::take() {
  Spare spare;
  uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    generation = ++generation_;
    if (!spares_.empty()) {
      spare = std::move(spares_.back());
      spares_.pop_back();
    } else {
      // Names sort in the order of their making, also over processes.
      timespec now{};
      ::clock_gettime(CLOCK_REALTIME, &now);
      std::string number = std::to_string(++made_);
      number.insert(0, 8 - std::min<size_t>(8, number.size()), '0');
      spare.path = folder_ + "/" + std::string(kPrefix) + std::to_string(now.tv_sec) + "-" +
                   std::to_string(::getpid()) + "-" + number;
    }
  }
  if (spare.bytes == nullptr) {
    spare.bytes = map_new(spare.path, spare.file);
    if (spare.bytes == nullptr) return failure(spare.path);
    std::lock_guard lock(mutex_);
    ++segments_;
  }
  // From here on nothing that was in it is a record.
  Segment::Header header{.mark = {}, .generation = generation};
  std::memcpy(header.mark, Segment::kMark.data(), sizeof header.mark);
  std::memcpy(spare.bytes, &header, sizeof header);
  auto segment = std::make_shared<Segment>();
  segment->journal = this;
  segment->bytes = spare.bytes;
  segment->file = spare.file;
  segment->path = std::move(spare.path);
  segment->generation = generation;
  return segment;
}

void Journal::give_back(Segment& segment) {
  std::unique_lock lock(mutex_);
  if (abandoned_) {
    ::munmap(segment.bytes, kSegmentBytes);
    ::close(segment.file);
    return;
  }
  if (spares_.size() < kSparesMax) {
    // What is in it is kept nowhere: a process that finds it finds nothing.
    std::memset(segment.bytes, 0, sizeof(Segment::Header));
    spares_.push_back({segment.bytes, segment.file, std::move(segment.path)});
    return;
  }
  --segments_;
  lock.unlock();
  ::munmap(segment.bytes, kSegmentBytes);
  ::unlink(segment.path.c_str());
  ::close(segment.file);
}

Journal::Keep Journal::adopt(std::vector<std::string> files) {
  return {new std::vector<std::string>(std::move(files)), [this](const std::vector<std::string>* adopted) {
            {
              std::lock_guard lock(mutex_);
              if (!abandoned_) remove(*adopted);
            }
            delete adopted;
          }};
}

void Journal::abandon() {
  std::lock_guard lock(mutex_);
  abandoned_ = true;
}

size_t Journal::bytes() const {
  std::lock_guard lock(mutex_);
  return segments_ * kSegmentBytes;
}

Expected<Journal::Keep> Journal::Writer::append(Kind kind, std::string_view bytes) {
  if (bytes.size() > kRecordBytesMax) return fail(ErrorCode::kStore, Fault::kUs, "a record is too large");
  if (segment_ == nullptr || !segment_->fits(bytes.size())) {
    auto next = journal_->take();
    if (!next) return std::unexpected(next.error());
    segment_ = std::move(*next);
  }
  segment_->append(kind, bytes);
  return Keep(segment_);
}

Expected<std::vector<std::string>> Journal::read(const std::string& folder,
                                                 const std::function<void(Kind, std::string_view)>& visit,
                                                 Which which) {
  std::vector<std::string> files;
  std::vector<std::string> left;
  DIR* const listing = ::opendir(folder.c_str());
  if (listing == nullptr) {
    if (errno == ENOENT) return left;
    return failure(folder);
  }
  while (const dirent* entry = ::readdir(listing)) {
    if (std::string_view(entry->d_name).starts_with(kPrefix)) files.push_back(folder + "/" + entry->d_name);
  }
  ::closedir(listing);
  std::ranges::sort(files);
  for (const std::string& path : files) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT) continue;
    if (file < 0) return failure(path);
    if (which == Which::kLeft && ::flock(file, LOCK_EX | LOCK_NB) != 0) {
      ::close(file);
      continue;
    }
    std::string bytes(kSegmentBytes, '\0');
    size_t got = 0;
    ssize_t more = 0;
    while (got < bytes.size() && (more = ::read(file, bytes.data() + got, bytes.size() - got)) > 0) {
      got += static_cast<size_t>(more);
    }
    const int why = errno;
    ::close(file);
    errno = why;
    if (more < 0) return failure(path);
    visit_segment(std::string_view(bytes).substr(0, got), visit);
    left.push_back(path);
  }
  return left;
}

void Journal::remove(const std::vector<std::string>& files) {
  for (const std::string& path : files) ::unlink(path.c_str());
}

}  // namespace baton::store
