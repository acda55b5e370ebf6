#include "ledger/call_list.h"

#include <unistd.h>

#include "ledger/rows_file.h"

namespace baton::ledger {
namespace {

using store::Result;
using store::Statement;

#define BATON_CALL_COLUMNS                                                                                           \
  "seq, request_id, started_at, duration_us, first_byte_us, added_us, client, team, tags, session_id, agent_id, "    \
  "client_address, operation, model, stream, simulated, status, ending, error, upstream_request_id, request_bytes, " \
  "reply_bytes, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, thinking_tokens, "               \
  "cost_nanodollars, (SELECT count(*) FROM attempts WHERE call = seq)"
constexpr std::string_view kPageSql =
    "SELECT " BATON_CALL_COLUMNS
    " FROM calls WHERE seq < ?1 AND seq >= ?2 AND (?3 = '' OR client = ?3) AND (?4 IS NULL OR status = ?4) "
    "ORDER BY seq DESC LIMIT ?5";
constexpr std::string_view kOneSql =
    "SELECT " BATON_CALL_COLUMNS
    " FROM calls WHERE seq >= ?2 AND ?1 <> '' AND (request_id = ?1 OR upstream_request_id = ?1) "
    "ORDER BY seq DESC LIMIT 1";
#undef BATON_CALL_COLUMNS
constexpr std::string_view kAttemptsSql =
    "SELECT account, model, result, status, may_have_been_processed, first_byte_us, total_us, input_tokens, "
    "output_tokens, cache_read_tokens, cache_write_tokens, cost_nanodollars FROM attempts WHERE call = ?1 ORDER BY "
    "attempt";

std::unexpected<Error> failure(const store::Failure& why) {
  return fail(ErrorCode::kStore, Fault::kUs, "ledger.db: " + why.error.detail);
}

Duration us(int64_t value) { return std::chrono::microseconds(value); }

BookedCall call_of(const Statement& row) {
  int at = 0;
  const auto number = [&] { return row.number(at++); };
  const auto text = [&] { return std::string(row.text(at++)); };
  BookedCall call;
  call.seq = number();
  call.id = text();
  call.started = WallTime(std::chrono::milliseconds(number()));
  call.duration = us(number());
  call.first_byte = us(number());
  call.added = us(number());
  for (std::string* field : {&call.key, &call.team, &call.tags, &call.session, &call.agent, &call.client_address,
                             &call.operation, &call.model})
    *field = text();
  call.stream = number() != 0;
  call.simulated = number() != 0;
  call.status = static_cast<int>(number());
  for (std::string* field : {&call.ending, &call.error, &call.upstream_request_id}) *field = text();
  for (int64_t* field : {&call.request_bytes, &call.reply_bytes, &call.input_tokens, &call.output_tokens,
                         &call.cache_read_tokens, &call.cache_write_tokens, &call.thinking_tokens})
    *field = number();
  call.cost = row.number_or_null(at++);
  call.attempts = number();
  return call;
}

Expected<std::optional<RowsFile>> open(const std::string& folder) {
  if (!has_rows(folder)) return std::nullopt;
  Result<RowsFile> opened = RowsFile::open(folder + "/" + std::string(RowsFile::kName));
  if (!opened) return failure(opened.error());
  return std::optional<RowsFile>(std::move(*opened));
}

Expected<int64_t> number_of(RowsFile& file, std::string_view sql, int64_t argument) {
  Result<Statement> query = file.database().prepare(sql);
  if (!query) return failure(query.error());
  Result<bool> row = query->bind(1, argument).step();
  if (!row) return failure(row.error());
  return *row ? query->number(0) : 0;
}

}  // namespace

bool has_rows(const std::string& folder) {
  return ::access((folder + "/" + std::string(RowsFile::kName)).c_str(), F_OK) == 0;
}

Expected<CallPage> list_calls(const std::string& folder, const CallFilter& filter) {
  CallPage page;
  auto file = open(folder);
  if (!file) return std::unexpected(file.error());
  if (!*file) return page;
  auto last = number_of(**file, "SELECT coalesce(max(seq), 0) + ?1 FROM calls", 1);
  if (!last) return std::unexpected(last.error());
  const int64_t before = std::min(filter.before.value_or(*last), *last);
  const int64_t from = std::max<int64_t>(0, before - kRowsLookedAt);
  Result<Statement> query = (*file)->database().prepare(kPageSql);
  if (!query) return failure(query.error());
  const size_t limit = std::min(filter.limit, kCallsMax);
  query->bind(1, before).bind(2, from).bind(3, std::string_view(filter.key));
  query->bind(4, filter.status ? std::optional<int64_t>(*filter.status) : std::nullopt);
  query->bind(5, static_cast<int64_t>(limit));
  while (true) {
    Result<bool> row = query->step();
    if (!row) return failure(row.error());
    if (!*row) break;
    page.calls.push_back(call_of(*query));
  }
  if (page.calls.size() == limit && limit > 0) {
    page.next_before = page.calls.back().seq;
  } else if (from > 0) {
    page.next_before = from;
  }
  return page;
}

Expected<CallStory> find_call(const std::string& folder, std::string_view id) {
  auto file = open(folder);
  if (!file) return std::unexpected(file.error());
  CallStory story;
  bool found = false;
  if (*file) {
    Result<Statement> query = (*file)->database().prepare(kOneSql);
    if (!query) return failure(query.error());
    auto last = number_of(**file, "SELECT coalesce(max(seq), 0) + ?1 FROM calls", 0);
    if (!last) return std::unexpected(last.error());
    Result<bool> row = query->bind(1, id).bind(2, *last - kRowsSearched).step();
    if (!row) return failure(row.error());
    found = *row;
    if (found) story.call = call_of(*query);
  }
  if (!found)
    return fail(ErrorCode::kNotFound, Fault::kClient,
                "No call of this id is booked. A call is booked when it has ended, and forgotten after ledger.keep.");
  Result<Statement> query = (*file)->database().prepare(kAttemptsSql);
  if (!query) return failure(query.error());
  query->bind(1, story.call.seq);
  while (true) {
    Result<bool> row = query->step();
    if (!row) return failure(row.error());
    if (!*row) return story;
    BookedAttempt& one = story.attempts.emplace_back();
    one.account = query->text(0);
    one.model = query->text(1);
    one.result = query->text(2);
    one.status = static_cast<int>(query->number(3));
    one.may_have_been_processed = query->number(4) != 0;
    one.first_byte = us(query->number(5));
    one.total = us(query->number(6));
    one.input_tokens = query->number(7);
    one.output_tokens = query->number(8);
    one.cache_read_tokens = query->number(9);
    one.cache_write_tokens = query->number(10);
    one.cost = query->number_or_null(11);
  }
}

Expected<std::optional<int64_t>> SpentToday::read(const std::string& folder, WallTime now) {
  auto file = open(folder);
  if (!file) return std::unexpected(file.error());
  if (!*file) return std::nullopt;
  const int64_t day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
  const int64_t midnight = day * 86'400'000;
  auto last = number_of(**file, "SELECT coalesce(max(seq), 0) + ?1 FROM calls", 0);
  if (!last) return std::unexpected(last.error());
  if (day != day_ || *last < last_seq_) {
    // Rows are in the order in which calls ended: the first of the day is found by halves, an hour early for long ones.
    auto low = number_of(**file, "SELECT coalesce(min(seq), 0) + ?1 FROM calls", 0);
    if (!low) return std::unexpected(low.error());
    int64_t from = *low, to = *last;
    while (from < to) {
      const int64_t middle = from + (to - from) / 2;
      auto started = number_of(**file, "SELECT started_at FROM calls WHERE seq >= ?1 ORDER BY seq LIMIT 1", middle);
      if (!started) return std::unexpected(started.error());
      if (*started < midnight - 3'600'000) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    day_ = day;
    spent_ = 0;
    last_seq_ = from - 1;
  }
  Result<Statement> query = (*file)->database().prepare(
      "SELECT coalesce(sum(cost_nanodollars), 0) FROM calls WHERE seq > ?1 AND seq <= ?2 AND started_at >= ?3");
  if (!query) return failure(query.error());
  Result<bool> row = query->bind(1, last_seq_).bind(2, *last).bind(3, midnight).step();
  if (!row) return failure(row.error());
  spent_ += query->number(0);
  last_seq_ = *last;
  return spent_;
}

}  // namespace baton::ledger
