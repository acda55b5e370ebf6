#include "cpu_meter.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support.h"

namespace baton::load {

void CpuMeter::start() {
  before_ = threads();
  core_before_ = core_time();
  from_ns_ = now_ns();
}

void CpuMeter::stop() {
  to_ns_ = now_ns();
  core_after_ = core_time();
  after_ = threads();
}

CpuMeter::Sample CpuMeter::threads() const {
  Sample sample;
  for (const uint64_t pid : pids_) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
      Thread thread;
      std::getline(std::ifstream(entry.path() / "comm"), thread.name);
      if (!(std::ifstream(entry.path() / "schedstat") >> thread.ns)) continue;
      sample[decimal(entry.path().filename().string()).value_or(0)] = thread;
    }
    if (error) die("process " + std::to_string(pid) + " is gone");
  }
  return sample;
}

CoreTime CpuMeter::core_time() const {
  std::ifstream stat("/proc/stat");
  const std::string name = "cpu" + std::to_string(core_);
  const uint64_t tick_ns = kNanosPerSecond / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  for (std::string line; std::getline(stat, line);) {
    std::istringstream fields(line);
    std::string first;
    uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    fields >> first >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    if (first == name) return {(user + nice + system + irq + softirq + steal) * tick_ns, steal * tick_ns};
  }
  return {};
}

std::string CpuMeter::json() const {
  std::map<std::string, uint64_t> by_name;
  uint64_t total = 0;
  for (const auto& [id, thread] : after_) {
    const auto earlier = before_.find(id);
    const uint64_t ns = thread.ns - (earlier == before_.end() ? 0 : earlier->second.ns);
    by_name[thread.name] += ns;
    total += ns;
  }
  std::ostringstream out;
  out << R"({"window_ns":)" << to_ns_ - from_ns_ << R"(,"cpu_ns":)" << total << R"(,"threads":{)";
  const char* comma = "";
  for (const auto& [name, ns] : by_name) {
    std::string plain;
    for (const char c : name) plain += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c;
    out << comma << '"' << plain << "\":" << ns;
    comma = ",";
  }
  out << R"(},"core_busy_ns":)" << core_after_.busy_ns - core_before_.busy_ns << R"(,"core_steal_ns":)"
      << core_after_.steal_ns - core_before_.steal_ns << "}";
  return out.str();
}

}  // namespace baton::load
