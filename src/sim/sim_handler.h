// SimHandler: puts the simulator on connections. Reads a request whole, asks the Simulator, and sends the reply in its
// time and with the faults it was told to have. Life: one per loop, outlives the loop's Server. Thread: its loop.
// Bounds: a reply in the making holds 16 KB and one event; what the client does not take stops the making.
#pragma once

#include "edge/exchange.h"
#include "http/json.h"
#include "sim/simulator.h"

namespace baton::sim {

class SimHandler final : public edge::Handler {
 public:
  struct Options {
    bool standalone = false;           // mark replies as simulated and serve GET /baton-sim/books
    std::string_view scheme = "http";  // of this server, for results_url; a literal
  };
  // Borrows the simulator.
  SimHandler(Simulator& simulator, const Options& options) : simulator_(simulator), options_(options) {}

  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  Reply answer(edge::Exchange& exchange, std::string_view body);

  Simulator& simulator_;
  Options options_;
  http::JsonScanner scanner_;
};

}  // namespace baton::sim
