// What of a call is held so that its prompt can be asked for once more, and what such a call tells. Values.
#pragma once

#include <cstdint>
#include <string>

#include "base/byte_budget.h"
#include "model/usage.h"

namespace baton::relay {

// A call's request as it goes out again. Life: with its Call, then until its prompt is asked for or let go.
struct WarmCopy {
  std::string head;  // with the caller's credential: it is recognised again
  std::string body;  // asks for no output
  bool packed = false;
  size_t max_tokens_at = 0;  // of its value in the plain body, a 0
  std::string peer;
  std::string client;
  std::string account;  // whose cache it is
  BudgetShare share;
};

// Of a call that only keeps a prompt warm. Life: with that call, on the frame that waits for it.
struct Warming {
  const std::string& client;   // who it must be for
  const std::string& account;  // and where it goes, or nowhere
  int status = 0;
  model::Usage usage = {};
  int64_t cost = 0;  // nanodollars, as far as it is known
};

}  // namespace baton::relay
