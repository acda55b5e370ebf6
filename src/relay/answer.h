// Answer: the reply that is to be delivered, from its head on. It passes from the attempt that got it to its delivery
// by its pointer. Bounds: what is held of it is at most stream.held_reply_bytes_max and charged to the replies' budget.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/pool.h"
#include "base/byte_budget.h"
#include "http/content_coding.h"
#include "relay/parts.h"
#include "runtime/task.h"
#include "stream/event_follower.h"
#include "upstream/sender.h"

namespace baton::relay {

// How one Attempt reaches its account.
struct Way {
  const upstream::Party* party = nullptr;
  upstream::ConnectionPool* connections = nullptr;
  upstream::RequestCoding* coding = nullptr;
};

struct Answer {
  // Every call has one: its room comes from where frames come from.
  static void* operator new(size_t bytes) { return runtime::take_frame(bytes); }
  static void operator delete(void* room, size_t bytes) noexcept { runtime::give_frame(room, bytes); }

  int status = 0;
  std::string fields;  // lines for the client
  bool event_stream = false;
  http::Coding coding = http::Coding::kIdentity;
  bool whole = false;      // content is all of it, and nothing is read any more
  std::string content;     // what was held: an opening, or a whole body; or
  std::string_view early;  // what came with the head, when it was not held (inside reply)
  int64_t length = -1;     // of the whole content, when known
  upstream::Reply reply;   // live while not whole
  Way way;
  std::unique_ptr<stream::EventFollower> follower;
  std::optional<accounts::Lease> lease;
  std::optional<BudgetShare> share;  // of what is held
  std::string upstream_request_id;
  std::string stop_reason;     // of a whole Message
  std::string fallback_model;  // that answered in place of the one that was asked for; empty: none did
  size_t attempt = 0;          // its index in the outcome

  std::string_view first_content() const { return content.empty() ? early : std::string_view(content); }
};
using AnswerPtr = std::unique_ptr<Answer>;

}  // namespace baton::relay
