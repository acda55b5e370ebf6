// Reloader: changes the configuration of a running relay. The whole of the new one is read, checked and made ready
// before anything changes; then every loop takes it over. What is wrong with it changes nothing. Calls that have begun
// end under the configuration that they began with.
// Life: in serve(), between the start and the end of the workers. Thread: any but a loop's; one reload at a time.
// Bounds: a loop answers within a turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/worker.h"
#include "config/settings.h"

namespace baton::app {

class Reloader {
 public:
  // `prepare` adds what the process itself adds to settings. Borrows all.
  Reloader(Shared& shared, const std::vector<std::unique_ptr<Worker>>& workers, BoundPorts& ports,
           config::LoadOptions load, std::function<void(config::Settings&)> prepare);

  // On each loop in turn, waiting for it.
  void on_loops(const std::function<void(Worker&)>& run);

  // The number of the revision now in force. kConfig: one sentence that says what is wrong and which revision stays.
  Expected<uint64_t> reload();

 private:
  Expected<config::Settings> read() const;
  Expected<void> open_listeners(const config::Settings& settings);

  Shared& shared_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  BoundPorts& ports_;
  const config::LoadOptions load_;
  const std::function<void(config::Settings&)> prepare_;
  std::mutex mutex_;
};

// Gives `fresh` the values of `running` where a change needs a restart, and names the keys that it would have changed.
// Pure.
std::vector<std::string> keep_what_needs_a_restart(config::Settings& fresh, const config::Settings& running);

}  // namespace baton::app
