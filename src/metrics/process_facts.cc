#include "metrics/process_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace baton::metrics {
namespace {

std::string read_small_file(const char* path) {
  int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::string text;
  std::array<char, 4096> chunk;
  ssize_t got = 0;
  while (text.size() < 256 * 1024 && (got = ::read(file, chunk.data(), chunk.size())) > 0) {
    text.append(chunk.data(), static_cast<size_t>(got));
  }
  ::close(file);
  return text;
}

// The word with this index, counted from 0.
std::string_view word(std::string_view text, size_t index) {
  while (true) {
    size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return {};
    text.remove_prefix(begin);
    std::string_view found = text.substr(0, text.find_first_of(" \n"));
    if (index-- == 0) return found;
    text.remove_prefix(found.size());
  }
}

double number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return static_cast<double>(value);
}

double boot_time_seconds() {
  std::string stat = read_small_file("/proc/stat");
  size_t at = stat.find("\nbtime ");
  return at == std::string::npos ? 0 : number(word(std::string_view(stat).substr(at + 7), 0));
}

double open_descriptors() {
  struct stat about{};
  if (::stat("/proc/self/fd", &about) == 0 && about.st_size > 0) return static_cast<double>(about.st_size);
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = 0;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(folder);
  return count - 1;  // the folder's own descriptor
}

}  // namespace

ProcessFacts process_facts() {
  ProcessFacts facts;
  timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    facts.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
  }
  std::string stat = read_small_file("/proc/self/stat");
  // The second field is the program's name in parentheses and may hold blanks.
  size_t name_end = stat.rfind(')');
  if (name_end != std::string::npos) {
    std::string_view rest = std::string_view(stat).substr(name_end + 1);
    facts.threads = number(word(rest, 17));
    double ticks = number(word(rest, 19));
    static const double boot = boot_time_seconds();
    facts.start_time_seconds = boot + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    facts.virtual_memory_bytes = number(word(rest, 20));
    facts.resident_memory_bytes = number(word(rest, 21)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }
  facts.open_fds = open_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.max_fds = static_cast<double>(limit.rlim_cur);
  return facts;
}

}  // namespace baton::metrics
