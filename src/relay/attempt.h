// The retry loop: account, connection, answer, verdict; again while the verdict says so and nothing has gone to the
// client. Source: the promises on repetition in ARCHITECTURE.md; the vendor's rules for gateways (read 2026-11).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "relay/call.h"
#include "relay/parts.h"
#include "stream/event_follower.h"
#include "upstream/sender.h"

namespace baton::relay {

// The answer that is to be delivered.
struct Answer {
  int status = 0;
  std::string fields;  // lines for the client
  bool event_stream = false;
  http::Coding coding = http::Coding::kIdentity;
  bool whole = false;          // content is all of it, and nothing is read any more
  std::string content;         // what was held: an opening, or a whole body; or
  std::string_view early;      // what came with the head, when it was not held (inside reply)
  int64_t length = -1;         // of the whole content, when known
  upstream::Reply reply;       // live while not whole
  const Line* line = nullptr;  // how its account is reached
  std::unique_ptr<stream::EventFollower> follower;
  std::optional<accounts::Lease> lease;
  std::optional<BudgetShare> share;  // of what is held
  std::string upstream_request_id;
  size_t attempt = 0;  // its index in the outcome

  std::string_view first_content() const { return content.empty() ? early : std::string_view(content); }
};

// Makes Attempts until one is to be delivered. Error: no upstream gave an answer at all (the last failure), or the
// client has gone.
runtime::Task<Expected<Answer>> attempt_all(const Parts& parts, Call& call);

}  // namespace baton::relay
