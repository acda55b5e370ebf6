// Upstream: the vendor's API as the suite plays it. Every call of the suite's client is a Play: what is to be answered
// and what arrived. A request belongs to the Play whose marker stands in its target or body; one without a marker to
// the Play that is on. Life: made before the first row, close()d and waited for after the last. Thread: one loop.
// Bounds: kConnectionsMax, kRequestBytesMax, kArrivalsMax.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/reply.h"
#include "conformance/script.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace baton::conformance {

// One request as it reached the upstream.
struct Arrival {
  std::string method;
  std::string target;
  Fields fields;
  std::string body;
  Instant at{};
  std::optional<Instant> answered;  // the last step was done
  std::optional<Instant> gone;      // the gateway ended it before
  std::string account;              // of the gateway, as far as can be told: credential, and what precedes /v1
  std::string held_back;            // the first thing that the client did not have in time

  std::vector<std::string_view> all(std::string_view name) const { return values_of(fields, name); }
};

// One call of the client's. `answers[n]` is for its nth arrival, the last one for all that follow.
struct Play {
  std::string marker;
  std::vector<Answer> answers;
  std::deque<Arrival> arrivals;
  const Reply* reply = nullptr;                 // while the client is at it
  runtime::Cancellation* on_arrival = nullptr;  // cancelled when the request is there
  runtime::Slot client_changed;                 // notified when more of the reply came
  runtime::Slot changed;                        // notified when something was noted in an arrival
  bool over = false;
};

class Upstream {
 public:
  // `client_key`: a gateway that passes it on shows no account by it, whichever field it stands in.
  Upstream(runtime::Loop& loop, std::string nonce, std::string client_key)
      : loop_(loop), nonce_(std::move(nonce)), client_key_(std::move(client_key)) {}

  // Serves what it accepts, until close().
  void listen(std::unique_ptr<runtime::Listener> listener);
  void close();
  bool settled() const { return tasks_.size() == 0; }

  // The one that is on from now.
  Play& begin(std::vector<Answer> answers);
  // Nobody asks for its arrivals any more. What still comes for it is answered as a plain call is.
  void done(Play& play);

 private:
  struct Connection;
  runtime::Task<void> accept_from(runtime::Listener& listener);
  runtime::Task<void> serve(std::unique_ptr<runtime::ByteStream> stream);
  runtime::Task<bool> read_request(Connection& connection, Arrival& into);
  // False: the connection has ended.
  runtime::Task<bool> play_answer(Connection& connection, Play& play, Arrival& arrival, const Answer& answer);
  runtime::Task<bool> play_step(Connection& connection, Play& play, Arrival& arrival, const Step& step);
  runtime::Task<bool> send(Connection& connection, std::string_view bytes);
  Play* play_of(const Arrival& arrival);

  runtime::Loop& loop_;
  std::string nonce_;
  std::string client_key_;
  std::unique_ptr<runtime::Listener> listener_;
  std::deque<Play> plays_;
  std::vector<runtime::ByteStream*> open_;
  bool closing_ = false;
  runtime::TaskGroup tasks_;
};

}  // namespace baton::conformance
