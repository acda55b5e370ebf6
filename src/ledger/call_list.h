// CallList: the ledger's rows one by one, as the operator looks at them: the latest calls, and one call with its
// attempts. No content of calls is in the ledger, so none is here.
// Reads while relays write. Life: during one question. Thread: any but a loop's.
// Bounds: kCallsMax calls a page; with a filter at most kRowsLookedAt rows are read for one,
// and kRowsSearched for a call by its id.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "ledger/place.h"

namespace baton::ledger {

class RowsReader;

inline constexpr size_t kCallsMax = 1000;
inline constexpr int64_t kRowsLookedAt = 200'000;
inline constexpr int64_t kRowsSearched = 1'000'000;  // the latest, for one call's id: an index would cost every call

struct BookedAttempt {
  std::string account;
  std::string model;
  std::string result;
  int status = 0;
  bool may_have_been_processed = false;
  Duration first_byte{0};
  Duration total{0};
  int64_t input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0;
  std::optional<int64_t> cost;  // nanodollars
};

struct BookedCall {
  int64_t seq = 0;
  std::string id;
  WallTime started;
  Duration duration{0}, first_byte{0}, added{0};
  std::string key, team, tags, session, agent, client_address;
  std::string operation, model;
  bool stream = false, simulated = false;
  int status = 0;
  std::string ending, error, upstream_request_id;
  int64_t request_bytes = 0, reply_bytes = 0;
  int64_t input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0, thinking_tokens = 0;
  std::optional<int64_t> cost;  // nanodollars
  int64_t attempts = 0;
  std::string reused;  // how an answer came that was made for another call; empty: it was not
};

struct CallFilter {
  size_t limit = 100;
  std::optional<int64_t> before = {};  // seq
  std::string key = {};
  std::optional<int> status = {};
};

struct CallPage {
  std::vector<BookedCall> calls;       // the latest first
  std::optional<int64_t> next_before;  // where to go on, when there may be more
};

// Whether a call was ever booked there. kStore: not readable.
Expected<bool> has_rows(const Place& place);

// No file is an empty page. kStore: not readable.
Expected<CallPage> list_calls(const Place& place, const CallFilter& filter);

struct CallStory {
  BookedCall call;
  std::vector<BookedAttempt> attempts;
};
// By Baton's own id or the vendor's, which is what clients see first. kNotFound: not booked, or not yet.
Expected<CallStory> find_call(const Place& place, std::string_view id);

// What calls since midnight UTC cost, and what was saved, in nanodollars.
struct MoneyToday {
  int64_t spent = 0;  // of calls whose cost is known
  int64_t saved_by_reuse = 0, saved_by_coalescing = 0, saved_by_similar = 0;
  int64_t saved_by_prompt_cache = 0;  // below zero where writing it cost more
  int64_t saved_by_batch = 0;
  friend bool operator==(const MoneyToday&, const MoneyToday&) = default;
};

// Goes on from what it has read already.
class SpentToday {
 public:
  // Nothing without rows. kStore: not readable.
  Expected<std::optional<MoneyToday>> read(const Place& place, WallTime now);
  SpentToday();
  ~SpentToday();

 private:
  Expected<MoneyToday> read_rows(RowsReader& reader, WallTime now);
  Expected<MoneyToday> read_sums(RowsReader& reader, WallTime now);

  std::unique_ptr<RowsReader> reader_;
  int64_t day_ = -1;
  int64_t last_seq_ = 0;
  MoneyToday money_;
};

}  // namespace baton::ledger
