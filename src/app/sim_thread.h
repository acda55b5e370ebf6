// SimThread: the simulator on a loop and thread of its own.
#pragma once

#include <atomic>
#include <memory>

#include "app/loop_thread.h"
#include "edge/server.h"
#include "sim/config.h"
#include "sim/sim_handler.h"
#include "sim/simulator.h"

namespace baton::app {

class SimThread : public LoopThread {
 public:
  explicit SimThread(const sim::Config& config, bool standalone);
  ~SimThread();
  // kConfig when the address cannot be bound. Success: the port.
  Expected<uint16_t> listen(const edge::ListenConfig& where);
  void end();

 private:
  sim::Simulator simulator_;
  sim::SimHandler handler_;
  edge::Config edge_;
  ByteBudget request_bytes_{1 * kGiB};
  std::atomic<int64_t> connections_{0};
  edge::Server server_;
};

}  // namespace baton::app
