// Relay: serves exchanges. serve.cc is the walk of a request, one screen; attempt.cc the retry loop; deliver.cc the way
// back. Life: one per loop, made in app/ (or by a simulation) from borrowed Parts. Thread: its loop. Bounds: those of
// its modules.
#pragma once

#include <optional>

#include "edge/exchange.h"
#include "http/json.h"
#include "relay/call.h"
#include "relay/parts.h"
#include "reuse/digest.h"

namespace baton::relay {

class Relay final : public edge::Handler {
 public:
  explicit Relay(Parts parts);

  runtime::Task<void> serve(edge::Exchange& exchange) override { return serve_call(exchange, {}); }
  // For a caller who has been recognised and whose answer nobody waits for; `caller` outlives the call.
  runtime::Task<void> serve_as(edge::Exchange& exchange, const auth::Caller& caller) {
    return serve_call(exchange, {.unasked = true, .caller = &caller});
  }
  // The same for one who is to be recognised anew, as with any call.
  runtime::Task<void> serve_unasked(edge::Exchange& exchange) { return serve_call(exchange, {.unasked = true}); }
  // Asks once more for a prompt that is to stay in its cache; what came of it is in `warming`.
  runtime::Task<void> serve_warm(edge::Exchange& exchange, Warming& warming) {
    return serve_call(exchange, {.unasked = true, .warming = &warming});
  }
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  // A call of the relay's own.
  struct Own {
    bool unasked = false;                  // it is one
    const auth::Caller* caller = nullptr;  // who it is for, where that is known
    Warming* warming = nullptr;
  };
  runtime::Task<void> serve_call(edge::Exchange& exchange, Own own);
  // The steps, in the order of the walk. Each gives what the next needs, or an Error that becomes the client's answer.
  Call begin(edge::Exchange& exchange);
  Expected<void> shed(Call& call);                  // whether the process has memory for another call
  Expected<void> recognise(Call& call);             // who calls, and what for
  runtime::Task<Expected<void>> prove(Call& call);  // a signed request: that it is new and whole
  Expected<void> count_in(Call& call);              // what its key may do, and whether it can be booked
  runtime::Task<Expected<void>> read(Call& call);   // the body, and what the relay reads of it
  runtime::Task<Expected<void>> walk(Call& call, Own own);
  runtime::Task<Expected<void>> walk_warm(Call& call);
  runtime::Task<Expected<void>> make(Call& call);  // what is not kept
  Expected<void> take_tokens(Call& call);
  void settle_tokens(Call& call);
  Expected<void> check_signed_body(Call& call, std::string_view body);
  runtime::Task<void> answer_error(Call& call, Error error);
  runtime::Task<Expected<void>> answer_probe(Call& call);
  void close(Call& call);
  void note_warming(Call& call);
  Expected<void> read_facts(Call& call);
  std::string new_request_id();

  Parts parts_;
  http::JsonScanner scanner_;
  std::optional<reuse::Digester> digester_;  // none: nothing is reused
};

}  // namespace baton::relay
