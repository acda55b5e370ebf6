#include "ledger/call_list.h"

#include <algorithm>

#include "base/utc.h"
#include "ledger/rows_database.h"
#include "ledger/rows_reader.h"

namespace baton::ledger {
namespace {

#define BATON_CALL_COLUMNS                                                                                           \
  "seq, request_id, started_at, duration_us, first_byte_us, added_us, client, team, tags, session_id, agent_id, "    \
  "client_address, operation, model, stream, simulated, status, ending, error, upstream_request_id, request_bytes, " \
  "reply_bytes, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, thinking_tokens, "               \
  "cost_nanodollars, (SELECT count(*) FROM attempts WHERE call = seq), reused"
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

Duration us(int64_t value) { return std::chrono::microseconds(value); }

BookedCall call_of(const RowsReader::Rows& row) {
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
  call.reused = text();
  return call;
}

constexpr std::string_view kLastSeq = "SELECT coalesce(max(seq), 0) FROM calls";

}  // namespace

Expected<bool> has_rows(const Place& place) {
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  return reader->has_value();
}

Expected<CallPage> list_calls(const Place& place, const CallFilter& filter) {
  CallPage page;
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  if (!*reader) return page;
  const auto last = (*reader)->number(kLastSeq);
  if (!last) return std::unexpected(last.error());
  const int64_t before = std::min(filter.before.value_or(*last + 1), *last + 1);
  const int64_t from = std::max<int64_t>(0, before - kRowsLookedAt);
  const size_t limit = std::min(filter.limit, kCallsMax);
  const auto status = filter.status ? std::optional<int64_t>(*filter.status) : std::nullopt;
  // What a server would refuse as a text is no key's name.
  const std::string key = store::utf8_text(filter.key);
  auto rows = (*reader)->query(kPageSql, {before, from, std::string_view(key), status, static_cast<int64_t>(limit)});
  if (!rows) return std::unexpected(rows.error());
  while (true) {
    const auto row = rows->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    page.calls.push_back(call_of(*rows));
  }
  if (page.calls.size() == limit && limit > 0) {
    page.next_before = page.calls.back().seq;
  } else if (from > 0) {
    page.next_before = from;
  }
  return page;
}

namespace {

Expected<std::optional<BookedCall>> one_call(RowsReader& reader, std::string_view id) {
  const auto last = reader.number(kLastSeq);
  if (!last) return std::unexpected(last.error());
  const std::string text = store::utf8_text(id);
  auto rows = reader.query(kOneSql, {std::string_view(text), *last - kRowsSearched});
  if (!rows) return std::unexpected(rows.error());
  const auto row = rows->next();
  if (!row) return std::unexpected(row.error());
  return *row ? std::optional(call_of(*rows)) : std::nullopt;
}

}  // namespace

Expected<CallStory> find_call(const Place& place, std::string_view id) {
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  std::optional<BookedCall> call;
  if (*reader) {
    auto found = one_call(**reader, id);
    if (!found) return std::unexpected(found.error());
    call = std::move(*found);
  }
  if (!call)
    return fail(ErrorCode::kNotFound, Fault::kClient,
                "No call of this id is booked. A call is booked when it has ended, and forgotten after ledger.keep.");
  CallStory story{.call = std::move(*call), .attempts = {}};
  auto rows = (*reader)->query(kAttemptsSql, {story.call.seq});
  if (!rows) return std::unexpected(rows.error());
  while (true) {
    const auto row = rows->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return story;
    BookedAttempt& one = story.attempts.emplace_back();
    one.account = rows->text(0);
    one.model = rows->text(1);
    one.result = rows->text(2);
    one.status = static_cast<int>(rows->number(3));
    one.may_have_been_processed = rows->number(4) != 0;
    one.first_byte = us(rows->number(5));
    one.total = us(rows->number(6));
    one.input_tokens = rows->number(7);
    one.output_tokens = rows->number(8);
    one.cache_read_tokens = rows->number(9);
    one.cache_write_tokens = rows->number(10);
    one.cost = rows->number_or_null(11);
  }
}

SpentToday::SpentToday() = default;
SpentToday::~SpentToday() = default;

Expected<std::optional<MoneyToday>> SpentToday::read(const Place& place, WallTime now) {
  // A server is asked often enough to keep the connection; after a failure another is made.
  if (!reader_) {
    auto opened = RowsReader::open(place);
    if (!opened) return std::unexpected(opened.error());
    if (!*opened) return std::nullopt;
    reader_ = std::make_unique<RowsReader>(std::move(**opened));
  }
  auto money = reader_->in_file() ? read_rows(*reader_, now) : read_sums(*reader_, now);
  if (!money || reader_->in_file()) reader_.reset();
  if (!money) return std::unexpected(money.error());
  return *money;
}

namespace {

constexpr int64_t MoneyToday::* kFigures[] = {&MoneyToday::spent,
                                              &MoneyToday::saved_by_reuse,
                                              &MoneyToday::saved_by_coalescing,
                                              &MoneyToday::saved_by_similar,
                                              &MoneyToday::saved_by_prompt_cache,
                                              &MoneyToday::saved_by_batch};

// Of the one row, in their order.
Expected<MoneyToday> figures(RowsReader& reader, std::string_view sql, std::initializer_list<store::Value> values) {
  auto rows = reader.query(sql, values);
  if (!rows) return std::unexpected(rows.error());
  const auto row = rows->next();
  if (!row) return std::unexpected(row.error());
  MoneyToday out;
  for (size_t i = 0; *row && i < std::size(kFigures); ++i) out.*kFigures[i] = rows->number(static_cast<int>(i));
  return out;
}

}  // namespace

Expected<MoneyToday> SpentToday::read_sums(RowsReader& reader, WallTime now) {
  const std::string day = utc_day(now);
#define BATON_OF(holder) "coalesce(sum(CASE WHEN holder = " holder " THEN nanodollars ELSE 0 END), 0)"
  return figures(reader,
                 "SELECT " BATON_OF("?2") ", " BATON_OF("'saved:reuse'") ", " BATON_OF("'saved:coalesced'") ", " BATON_OF(
                     "'saved:similar'") ", " BATON_OF("'saved:prompt_cache'") ", " BATON_OF("'saved:batch'")
                 " FROM spent WHERE period = ?1 AND (holder = ?2 OR holder LIKE 'saved:%')",
                 {std::string_view(day), kEverybody});
#undef BATON_OF
}

Expected<MoneyToday> SpentToday::read_rows(RowsReader& reader, WallTime now) {
  const int64_t day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
  const int64_t midnight = day * 86'400'000;
  const auto last = reader.number(kLastSeq);
  if (!last) return std::unexpected(last.error());
  if (day != day_ || *last < last_seq_) {
    // Rows are in the order in which calls ended: the first of the day is found by halves, an hour early for long ones.
    const auto low = reader.number("SELECT coalesce(min(seq), 0) FROM calls");
    if (!low) return std::unexpected(low.error());
    int64_t from = *low, to = *last;
    while (from < to) {
      const int64_t middle = from + (to - from) / 2;
      const auto started = reader.number("SELECT started_at FROM calls WHERE seq >= ?1 ORDER BY seq LIMIT 1", {middle});
      if (!started) return std::unexpected(started.error());
      if (*started < midnight - 3'600'000) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    day_ = day;
    money_ = {};
    last_seq_ = from - 1;
  }
  const auto more =
      figures(reader,
              "SELECT coalesce(sum(cost_nanodollars), 0), "
              "sum(CASE WHEN reused IN ('coalesced', 'similar') THEN 0 ELSE saved_reply_cache_nanodollars END), "
              "sum(CASE WHEN reused = 'coalesced' THEN saved_reply_cache_nanodollars ELSE 0 END), "
              "sum(CASE WHEN reused = 'similar' THEN saved_reply_cache_nanodollars ELSE 0 END), "
              "sum(saved_prompt_cache_nanodollars), sum(saved_batch_nanodollars) "
              "FROM calls WHERE seq > ?1 AND seq <= ?2 AND started_at >= ?3",
              {last_seq_, *last, midnight});
  if (!more) return std::unexpected(more.error());
  for (const auto figure : kFigures) money_.*figure += (*more).*figure;
  last_seq_ = *last;
  return money_;
}

}  // namespace baton::ledger
