// Bench: what a row has to work with: a client towards the gateway under test, and the upstream behind it. Life: one
// per run, outlives every row. Thread: one loop. Bounds: those of Client and Upstream.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/client.h"
#include "conformance/config.h"
#include "conformance/finding.h"
#include "conformance/upstream.h"

namespace baton::conformance {

struct Gateway {
  std::string host_field;  // "127.0.0.1:8787"
  std::string prefix;      // of every path, without a slash at the end
  std::string key;
};

enum class Leave : uint8_t { kNever, kOnArrival, kInTheBody };

// One call. "{marker}" in target and body becomes what tells the upstream which call it is.
struct Ask {
  std::string method = "POST";
  std::string target = "/v1/messages";
  Fields fields = {};     // replace the usual ones of their name; an empty value takes one away
  std::string body = {};  // empty with POST: a plain message
  std::vector<Answer> answers;
  Leave leave = Leave::kNever;
  std::optional<Duration> limit = {};  // instead of answer_limit
  bool wait_for_the_end = false;  // after leaving, until the upstream's side has ended or left_max has passed twice
};

// What came of it on both sides. The arrivals are the upstream's and stay there.
struct Told {
  Reply reply;
  const Play* play = nullptr;
  std::string target;  // as it was sent, without the gateway's prefix
  std::string body;
  Instant began{};
  Instant ended{};
  const std::deque<Arrival>& arrivals() const { return play->arrivals; }
};

class Bench {
 public:
  struct Parts {
    runtime::Loop& loop;
    runtime::Dialer& gateway;
    Upstream& upstream;
  };
  Bench(Parts parts, Gateway gateway, Config config)
      : parts_(parts), gateway_(std::move(gateway)), config_(std::move(config)) {}

  runtime::Task<Told> ask(Ask ask);
  // Plain calls until one is answered with 200, at most settle_limit. Whether one was.
  runtime::Task<bool> settle();
  runtime::Task<void> pause(Duration time);

  const Config& config() const { return config_; }
  const std::string& key() const { return gateway_.key; }
  // Accounts that calls have come from so far.
  const std::set<std::string>& accounts() const { return accounts_; }

 private:
  Parts parts_;
  Gateway gateway_;
  Config config_;
  std::set<std::string> accounts_;
};

// A Messages body whose user text is the marker; `more` is put in front of the last brace, with its comma.
std::string body_of(std::string_view more = "", std::string_view model = "claude-sonnet-5-5");
std::string streamed_body(std::string_view more = "", std::string_view model = "claude-sonnet-5-5");

// Nothing when the call reached the upstream and was answered; else a failure that says which of the two is missing.
std::optional<Finding> missing(const Told& told);
// The same, and that the reply is a whole one with this status.
std::optional<Finding> missing(const Told& told, int status);
// The same for a call that the row is not about.
const Arrival& first(const Told& told);

}  // namespace baton::conformance
