#include "app/signals.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "app/confine.h"
#include "app/serve.h"

namespace baton::app {

namespace {
sigset_t waited_for() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&set, signal);
  return set;
}
}  // namespace

void prepare_process() {
  sigset_t set = waited_for();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A closed pipe and a file that may grow no more are errors where they are met; the others mean nothing here.
  for (int signal : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_IGN);
  (void)confine();
  // Keys are in this process's memory: it leaves no core behind, and where the operator asks for one all the same, or a
  // debugger makes it, no memory of its own is in it. Written first: afterwards the file is root's.
  if (int filter = ::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC); filter >= 0) {
    (void)!::write(filter, "0", 1);
    ::close(filter);
  }
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  // Large bodies come and go: each in a mapping of its own, so that what was freed is given back. Left to itself the
  // threshold rises to the largest body ever freed, and the heap keeps the rest.
  mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

size_t descriptors_max() {
  rlimit files{};
  return getrlimit(RLIMIT_NOFILE, &files) == 0 ? static_cast<size_t>(files.rlim_cur) : 1024;
}

std::optional<Signal> wait_for_signal(std::optional<Duration> limit) {
  sigset_t set = waited_for();
  while (true) {
    int got = -1;
    if (limit) {
      int64_t ns = std::max<int64_t>(0, limit->count());
      timespec wait{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
      got = sigtimedwait(&set, nullptr, &wait);
      if (got < 0 && errno == EAGAIN) return std::nullopt;
    } else {
      got = sigwaitinfo(&set, nullptr);
    }
    if (got == SIGHUP) return Signal::kReload;
    if (got > 0) return Signal::kStop;
  }
}

}  // namespace baton::app
