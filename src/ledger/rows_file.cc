#include "ledger/rows_file.h"

#include "base/utc.h"
#include "ledger/row.h"
#include "ledger/row_columns.h"

namespace baton::ledger {
namespace {

using store::Migration;
using store::Result;
using store::Statement;

constexpr Migration kMigrations[] = {
    "CREATE TABLE calls("
    "seq INTEGER PRIMARY KEY, "                                // the order in which calls ended
    "request_id TEXT NOT NULL, started_at INTEGER NOT NULL, "  // ms since 1970
    "duration_us INTEGER NOT NULL, first_byte_us INTEGER NOT NULL, added_us INTEGER NOT NULL, "
    "client TEXT NOT NULL, key_id TEXT NOT NULL, team TEXT NOT NULL, client_address TEXT NOT NULL, "
    "tags TEXT NOT NULL, session_id TEXT NOT NULL, agent_id TEXT NOT NULL, parent_agent_id TEXT NOT NULL, "
    "operation TEXT NOT NULL, model TEXT NOT NULL, stream INTEGER NOT NULL, simulated INTEGER NOT NULL, "
    "status INTEGER NOT NULL, ending TEXT NOT NULL, error TEXT NOT NULL, upstream_request_id TEXT NOT NULL, "
    "request_bytes INTEGER NOT NULL, reply_bytes INTEGER NOT NULL, "
    "input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL, "
    "cache_write_tokens INTEGER NOT NULL, cache_write_1h_tokens INTEGER NOT NULL, thinking_tokens INTEGER NOT NULL, "
    "web_searches INTEGER NOT NULL, web_fetches INTEGER NOT NULL, "
    "cost_nanodollars INTEGER"  // NULL: not known
    ") STRICT;"
    "CREATE TABLE attempts("
    "call INTEGER NOT NULL, attempt INTEGER NOT NULL, "  // calls.seq, and the place among its attempts from 0
    "account TEXT NOT NULL, model TEXT NOT NULL, result TEXT NOT NULL, status INTEGER NOT NULL, "
    "may_have_been_processed INTEGER NOT NULL, first_byte_us INTEGER NOT NULL, total_us INTEGER NOT NULL, "
    "input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL, "
    "cache_write_tokens INTEGER NOT NULL, cost_nanodollars INTEGER, "
    "PRIMARY KEY(call, attempt)) STRICT, WITHOUT ROWID",
    // What the call counts for in budgets where that is not its cost; and the sums that budgets begin with.
    "ALTER TABLE calls ADD COLUMN charged_nanodollars INTEGER;"
    "ALTER TABLE calls ADD COLUMN saved_reply_cache_nanodollars INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE calls ADD COLUMN saved_prompt_cache_nanodollars INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE spent("
    "holder TEXT NOT NULL, period TEXT NOT NULL, "  // "key:…", "client:…" or "team:…"; "2026-11-24" or "2026-11" (UTC)
    "nanodollars INTEGER NOT NULL, PRIMARY KEY(holder, period)) STRICT, WITHOUT ROWID;"
    "INSERT INTO spent SELECT CASE key_id WHEN '' THEN 'client:' || client ELSE 'key:' || key_id END, "
    "strftime('%Y-%m-%d', started_at / 1000, 'unixepoch'), sum(coalesce(cost_nanodollars, 0)) FROM calls GROUP BY 1, 2;"
    "INSERT INTO spent SELECT 'team:' || team, strftime('%Y-%m-%d', started_at / 1000, 'unixepoch'), "
    "sum(coalesce(cost_nanodollars, 0)) FROM calls WHERE team <> '' GROUP BY 1, 2;"
    "INSERT INTO spent SELECT holder, substr(period, 1, 7), sum(nanodollars) FROM spent GROUP BY 1, 2",
    "CREATE TABLE key_use(key_id TEXT PRIMARY KEY, last_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO key_use SELECT key_id, max(started_at) FROM calls WHERE key_id <> '' GROUP BY 1",
    // What else was saved, and how ("hit", "stale", "coalesced", "similar", "resumed" or ""); what budgets had set
    // aside for the call, NULL where nobody limits it.
    "ALTER TABLE calls ADD COLUMN saved_batch_nanodollars INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE calls ADD COLUMN reused TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE calls ADD COLUMN reserved_nanodollars INTEGER;"
    "UPDATE calls SET reused = 'hit' WHERE saved_reply_cache_nanodollars <> 0",
};

// Another process may be reading the whole of it, or writing its own rows.
constexpr Duration kBusyTimeout = std::chrono::seconds(2);
// Beyond one old row for each new one, so that a shorter Config::keep is caught up with.
constexpr int64_t kForgottenBesides = 64;

}  // namespace

Result<RowsFile> RowsFile::open(const std::string& path) {
  Result<store::Database> database = store::Database::open({.path = path, .busy_timeout = kBusyTimeout}, kMigrations);
  if (!database) return std::unexpected(std::move(database.error()));
  RowsFile file(std::move(*database));
  if (Result<void> ready = file.prepare(); !ready) return std::unexpected(std::move(ready.error()));
  return file;
}

Result<void> RowsFile::prepare() {
  const store::Database::Wanted wanted[] = {
      {begin_, "BEGIN IMMEDIATE"},
      {commit_, "COMMIT"},
      {rollback_, "ROLLBACK"},
      {insert_call_,
       "INSERT INTO calls(request_id, started_at, duration_us, first_byte_us, added_us, client, key_id, team, "
       "client_address, tags, session_id, agent_id, parent_agent_id, operation, model, stream, simulated, status, "
       "ending, "
       "error, upstream_request_id, request_bytes, reply_bytes, input_tokens, output_tokens, cache_read_tokens, "
       "cache_write_tokens, cache_write_1h_tokens, thinking_tokens, web_searches, web_fetches, cost_nanodollars, "
       "charged_nanodollars, saved_reply_cache_nanodollars, saved_prompt_cache_nanodollars, saved_batch_nanodollars, "
       "reused, reserved_nanodollars) VALUES("
       "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, "
       "?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38)"},
      {insert_attempt_, "INSERT INTO attempts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"},
      {add_spent_,
       "INSERT INTO spent VALUES(?1, ?2, ?3) ON CONFLICT(holder, period) DO UPDATE SET nanodollars = nanodollars + ?3"},
      {note_use_, "INSERT INTO key_use VALUES(?1, ?2) ON CONFLICT(key_id) DO UPDATE SET last_at = max(last_at, ?2)"},
      {first_, "SELECT seq, started_at FROM calls ORDER BY seq LIMIT 1"},
      {forget_attempts_,
       "DELETE FROM attempts WHERE call IN "
       "(SELECT seq FROM calls WHERE started_at < ?1 AND seq IN (SELECT seq FROM calls ORDER BY seq LIMIT ?2))"},
      {forget_calls_,
       "DELETE FROM calls WHERE started_at < ?1 AND seq IN (SELECT seq FROM calls ORDER BY seq LIMIT ?2)"},
  };
  return database_.prepare_all(wanted);
}

Result<void> RowsFile::save(std::span<const std::vector<model::Outcome>> batches, const PriceTable& prices,
                            WallTime oldest) {
  if (Result<void> begun = begin_.run(); !begun) return begun;
  const auto all = [&]() -> Result<void> {
    int64_t rows_max = kForgottenBesides;
    tallies_.clear();
    for (const std::vector<model::Outcome>& batch : batches) {
      for (const model::Outcome& outcome : batch) {
        if (Result<void> done = insert(outcome, prices); !done) return done;
      }
      rows_max += static_cast<int64_t>(batch.size());
    }
    if (Result<void> done = save_holders(); !done) return done;
    if (Result<void> done = forget(oldest, rows_max); !done) return done;
    return commit_.run();
  };
  Result<void> done = all();
  // The first failure is the one to report.
  if (!done) (void)rollback_.run();
  return done;
}

Result<void> RowsFile::insert(const model::Outcome& outcome, const PriceTable& prices) {
  const Row row = make_row(outcome, prices);
  call_.begin();
  pass_call(
      outcome, row, [&](std::string_view value) { call_.text(insert_call_, value); },
      [&](auto value) { call_.number(insert_call_, value); });
  count_holder(outcome, outcome.charged_nanodollars.value_or(row.cost.value_or(0)));
  if (Result<void> done = insert_call_.run(); !done) return done;
  if (outcome.attempts.empty()) return {};

  const int64_t seq = database_.last_row();
  for (size_t i = 0; i < outcome.attempts.size(); ++i) {
    const model::Attempt& attempt = outcome.attempts[i];
    attempt_.begin();
    const auto text = [&](std::string_view value) { attempt_.text(insert_attempt_, value); };
    const auto number = [&](std::optional<int64_t> value) { attempt_.number(insert_attempt_, value); };
    number(seq);
    number(static_cast<int64_t>(i));
    text(attempt.account);
    text(attempt.model);
    text(name(attempt.result));
    number(attempt.status);
    number(attempt.may_have_been_processed);
    number(us(attempt.first_byte));
    number(us(attempt.total));
    number(attempt.usage.input_tokens);
    number(attempt.usage.output_tokens);
    number(attempt.usage.cache_read_input_tokens);
    number(attempt.usage.cache_creation_input_tokens);
    number(row.attempt_costs[i]);
    if (Result<void> done = insert_attempt_.run(); !done) return done;
  }
  return {};
}

void RowsFile::count_holder(const model::Outcome& outcome, int64_t nanodollars) {
  constexpr size_t kLookedAt = 16;
  const int64_t day = std::chrono::floor<std::chrono::days>(outcome.started).time_since_epoch().count();
  const size_t first = tallies_.size() > kLookedAt ? tallies_.size() - kLookedAt : 0;
  for (size_t i = tallies_.size(); i > first; --i) {
    Tally& tally = tallies_[i - 1];
    if (tally.day != day || tally.key_id != outcome.key_id || tally.client != outcome.client ||
        tally.team != outcome.team) {
      continue;
    }
    tally.nanodollars += nanodollars;
    tally.last = std::max(tally.last, outcome.started);
    return;
  }
  tallies_.push_back({day, outcome.key_id, outcome.client, outcome.team, nanodollars, outcome.started});
}

Result<void> RowsFile::save_holders() {
  for (const Tally& tally : tallies_) {
    if (!tally.key_id.empty()) {
      note_use_.bind(1, std::string_view(tally.key_id)).bind(2, tally.last.time_since_epoch().count());
      if (Result<void> done = note_use_.run(); !done) return done;
    }
    if (tally.nanodollars == 0) continue;
    const std::string day = utc_day(WallTime(std::chrono::sys_days(std::chrono::days(tally.day))));
    std::string holders[] = {holder_of_key(tally.key_id, tally.client), holder_of_team(tally.team)};
    for (const std::string& holder : holders) {
      if (&holder == &holders[1] && tally.team.empty()) break;
      for (const std::string_view period : {std::string_view(day), std::string_view(day).substr(0, 7)}) {
        add_spent_.bind(1, std::string_view(holder)).bind(2, period).bind(3, tally.nanodollars);
        if (Result<void> done = add_spent_.run(); !done) return done;
      }
    }
  }
  return {};
}

Result<std::unordered_set<std::string>> RowsFile::request_ids(WallTime since) {
  Result<Statement> query = database_.prepare("SELECT request_id FROM calls WHERE started_at >= ?1");
  if (!query) return std::unexpected(std::move(query.error()));
  query->bind(1, since.time_since_epoch().count());
  std::unordered_set<std::string> out;
  while (true) {
    Result<bool> row = query->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return out;
    out.emplace(query->text(0));
  }
}

Result<void> RowsFile::forget(WallTime oldest, int64_t rows_max) {
  const int64_t before = oldest.time_since_epoch().count();
  Result<bool> row = first_.step();
  if (!row) return std::unexpected(std::move(row.error()));
  const bool old = *row && first_.number(1) < before;
  first_.reset();
  if (!old) return {};
  if (Result<void> done = forget_attempts_.bind(1, before).bind(2, rows_max).run(); !done) return done;
  return forget_calls_.bind(1, before).bind(2, rows_max).run();
}

}  // namespace baton::ledger
