#include "ledger/rows_database.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>
#include "ledger/row_columns.h"

#include "ledger/row.h"

namespace baton::ledger {
namespace {

using store::Migration;
using store::Postgres;
using store::Result;

// The columns are those of the file (rows_file.cc), so that both are read with the same questions.
constexpr Migration kMigrations[] = {
    "CREATE TABLE calls("
    "seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "request_id TEXT NOT NULL UNIQUE, started_at BIGINT NOT NULL, "  // ms since 1970
    "duration_us BIGINT NOT NULL, first_byte_us BIGINT NOT NULL, added_us BIGINT NOT NULL, "
    "client TEXT NOT NULL, key_id TEXT NOT NULL, team TEXT NOT NULL, client_address TEXT NOT NULL, "
    "tags TEXT NOT NULL, session_id TEXT NOT NULL, agent_id TEXT NOT NULL, parent_agent_id TEXT NOT NULL, "
    "operation TEXT NOT NULL, model TEXT NOT NULL, stream BIGINT NOT NULL, simulated BIGINT NOT NULL, "
    "status BIGINT NOT NULL, ending TEXT NOT NULL, error TEXT NOT NULL, upstream_request_id TEXT NOT NULL, "
    "request_bytes BIGINT NOT NULL, reply_bytes BIGINT NOT NULL, "
    "input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, cache_read_tokens BIGINT NOT NULL, "
    "cache_write_tokens BIGINT NOT NULL, cache_write_1h_tokens BIGINT NOT NULL, thinking_tokens BIGINT NOT NULL, "
    "web_searches BIGINT NOT NULL, web_fetches BIGINT NOT NULL, "
    "cost_nanodollars BIGINT, charged_nanodollars BIGINT, "  // NULL: not known
    "saved_reply_cache_nanodollars BIGINT NOT NULL, saved_prompt_cache_nanodollars BIGINT NOT NULL);"
    "CREATE INDEX calls_started ON calls USING brin(started_at);"
    "CREATE TABLE attempts("
    "call BIGINT NOT NULL, attempt BIGINT NOT NULL, "
    "account TEXT NOT NULL, model TEXT NOT NULL, result TEXT NOT NULL, status BIGINT NOT NULL, "
    "may_have_been_processed BIGINT NOT NULL, first_byte_us BIGINT NOT NULL, total_us BIGINT NOT NULL, "
    "input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL, cache_read_tokens BIGINT NOT NULL, "
    "cache_write_tokens BIGINT NOT NULL, cost_nanodollars BIGINT, PRIMARY KEY(call, attempt));"
    "CREATE TABLE spent("
    "holder TEXT NOT NULL, period TEXT NOT NULL, nanodollars BIGINT NOT NULL, PRIMARY KEY(holder, period));"
    "CREATE TABLE key_use(key_id TEXT PRIMARY KEY, last_at BIGINT NOT NULL)",
    "ALTER TABLE calls ADD COLUMN saved_batch_nanodollars BIGINT NOT NULL DEFAULT 0, "
    "ADD COLUMN reused TEXT NOT NULL DEFAULT '', ADD COLUMN reserved_nanodollars BIGINT;"
    "UPDATE calls SET reused = 'hit' WHERE saved_reply_cache_nanodollars <> 0",
};

constexpr std::string_view kSave =
    "WITH fresh AS (INSERT INTO calls(request_id, started_at, duration_us, first_byte_us, added_us, client, key_id, "
    "team, client_address, tags, session_id, agent_id, parent_agent_id, operation, model, stream, simulated, status, "
    "ending, error, upstream_request_id, request_bytes, reply_bytes, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_tokens, cache_write_1h_tokens, thinking_tokens, web_searches, web_fetches, cost_nanodollars, "
    "charged_nanodollars, saved_reply_cache_nanodollars, saved_prompt_cache_nanodollars, saved_batch_nanodollars, "
    "reused, reserved_nanodollars) SELECT * FROM unnest(?1::text[], ?2::bigint[], ?3::bigint[], ?4::bigint[], "
    "?5::bigint[], ?6::text[], ?7::text[], "
    "?8::text[], ?9::text[], ?10::text[], ?11::text[], ?12::text[], ?13::text[], ?14::text[], ?15::text[], "
    "?16::bigint[], ?17::bigint[], ?18::bigint[], ?19::text[], ?20::text[], ?21::text[], ?22::bigint[], "
    "?23::bigint[], ?24::bigint[], ?25::bigint[], ?26::bigint[], ?27::bigint[], ?28::bigint[], ?29::bigint[], "
    "?30::bigint[], ?31::bigint[], ?32::bigint[], ?33::bigint[], ?34::bigint[], ?35::bigint[], ?36::bigint[], "
    "?37::text[], ?38::bigint[]) "
    "ON CONFLICT (request_id) DO NOTHING "
    "RETURNING seq, request_id, started_at, client, key_id, team, cost_nanodollars, charged_nanodollars, "
    "saved_reply_cache_nanodollars, saved_prompt_cache_nanodollars, saved_batch_nanodollars, reused), "
    "tries AS (INSERT INTO attempts SELECT f.seq, a.attempt, a.account, a.model, a.result, a.status, a.processed, "
    "a.first_byte, a.total, a.input, a.output, a.cache_read, a.cache_write, a.cost "
    "FROM unnest(?39::text[], ?40::bigint[], ?41::text[], ?42::text[], ?43::text[], ?44::bigint[], ?45::bigint[], "
    "?46::bigint[], ?47::bigint[], ?48::bigint[], ?49::bigint[], ?50::bigint[], ?51::bigint[], ?52::bigint[]) "
    "AS a(request_id, attempt, account, model, result, status, processed, first_byte, total, input, output, "
    "cache_read, cache_write, cost) JOIN fresh f USING (request_id) ON CONFLICT DO NOTHING), "
    "times AS (SELECT f.*, to_timestamp(f.started_at / 1000) AT TIME ZONE 'UTC' AS began, "
    "coalesce(f.charged_nanodollars, f.cost_nanodollars, 0) AS amount FROM fresh f), "
    "days AS (SELECT t.*, to_char(t.began, 'YYYY-MM-DD') AS day, to_char(t.began, 'YYYY-MM') AS month FROM times t), "
    // In one order, so that two relays never wait for each other.
    "sums AS (INSERT INTO spent SELECT holder, period, sum(amount) FROM ("
    "SELECT CASE key_id WHEN '' THEN 'client:' || client ELSE 'key:' || key_id END AS holder, day AS period, amount "
    "FROM days UNION ALL "
    "SELECT CASE key_id WHEN '' THEN 'client:' || client ELSE 'key:' || key_id END, month, amount FROM days UNION ALL "
    "SELECT 'team:' || team, day, amount FROM days WHERE team <> '' UNION ALL "
    "SELECT 'team:' || team, month, amount FROM days WHERE team <> '' UNION ALL "
    "SELECT 'all', day, coalesce(cost_nanodollars, 0) FROM days UNION ALL "
    "SELECT 'saved:' || CASE WHEN reused IN ('coalesced', 'similar') THEN reused ELSE 'reuse' END, day, "
    "saved_reply_cache_nanodollars FROM days UNION ALL "
    "SELECT 'saved:prompt_cache', day, saved_prompt_cache_nanodollars FROM days UNION ALL "
    "SELECT 'saved:batch', day, saved_batch_nanodollars FROM days"
    ") each WHERE amount <> 0 GROUP BY 1, 2 ORDER BY 1, 2 "
    "ON CONFLICT (holder, period) DO UPDATE SET nanodollars = spent.nanodollars + EXCLUDED.nanodollars), "
    "uses AS (INSERT INTO key_use SELECT key_id, max(started_at) FROM fresh WHERE key_id <> '' GROUP BY 1 ORDER BY 1 "
    "ON CONFLICT (key_id) DO UPDATE SET last_at = greatest(key_use.last_at, EXCLUDED.last_at)) "
    "SELECT count(*) FROM fresh";

constexpr std::string_view kForget =
    "WITH old AS (SELECT array_agg(seq) AS seqs FROM (SELECT seq, started_at FROM calls ORDER BY seq LIMIT ?2) AS "
    "front "
    "WHERE started_at < ?1), tries AS (DELETE FROM attempts WHERE call = ANY((SELECT seqs FROM old)::bigint[])) "
    "DELETE FROM calls WHERE seq = ANY((SELECT seqs FROM old)::bigint[])";
// The server guesses arrays to be short.
constexpr const char* kJoins = "SET enable_nestloop = off";
constexpr int64_t kForgottenBesides = 64;

void begin(std::string& array) { array += array.empty() ? '{' : ','; }

void append(std::string& array, int64_t number) {
  begin(array);
  char digits[24];
  array.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append(std::string& array, std::optional<int64_t> number) {
  if (number) {
    append(array, *number);
  } else {
    begin(array);
    array += "NULL";
  }
}

void append(std::string& array, std::string_view text) {
  begin(array);
  array += '"';
  const bool plain = std::ranges::all_of(text, [](char c) { return c > 0 && c != '"' && c != '\\'; });
  if (plain) {
    array += text;
  } else {
    for (const char c : store::utf8_text(text)) {
      if (c == '"' || c == '\\') array += '\\';
      array += c;
    }
  }
  array += '"';
}

}  // namespace

std::span<const Migration> rows_database_migrations() { return kMigrations; }

Result<std::unique_ptr<RowsDatabase>> RowsDatabase::open(const Secret& url, const std::atomic<bool>* hurry) {
  auto connection = Postgres::open({.url = url, .hurry = hurry}, kMigrations);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto done = (*connection)->execute(kJoins); !done) return std::unexpected(std::move(done.error()));
  return std::unique_ptr<RowsDatabase>(new RowsDatabase(std::move(*connection)));
}

void RowsDatabase::add(const model::Outcome& outcome, const PriceTable& prices) {
  const Row row = make_row(outcome, prices);
  size_t at = 0;
  const auto take = [&](auto value) { append(calls_[at++], value); };
  pass_call(outcome, row, take, take);
  for (size_t i = 0; i < outcome.attempts.size(); ++i) {
    const model::Attempt& attempt = outcome.attempts[i];
    append(attempts_[0], outcome.request_id);
    append(attempts_[1], static_cast<int64_t>(i));
    append(attempts_[2], attempt.account);
    append(attempts_[3], attempt.model);
    append(attempts_[4], name(attempt.result));
    append(attempts_[5], int64_t{attempt.status});
    append(attempts_[6], int64_t{attempt.may_have_been_processed});
    append(attempts_[7], us(attempt.first_byte));
    append(attempts_[8], us(attempt.total));
    append(attempts_[9], attempt.usage.input_tokens);
    append(attempts_[10], attempt.usage.output_tokens);
    append(attempts_[11], attempt.usage.cache_read_input_tokens);
    append(attempts_[12], attempt.usage.cache_creation_input_tokens);
    append(attempts_[13], row.attempt_costs[i]);
  }
}

Result<void> RowsDatabase::save(std::span<const std::vector<model::Outcome>> batches, const PriceTable& prices,
                                WallTime oldest) {
  for (std::string& column : calls_) column.clear();
  for (std::string& column : attempts_) column.clear();
  int64_t rows = 0;
  for (const std::vector<model::Outcome>& batch : batches) {
    for (const model::Outcome& outcome : batch) add(outcome, prices);
    rows += static_cast<int64_t>(batch.size());
  }
  if (rows == 0) return {};
  std::vector<store::Value> values;
  values.reserve(kCallColumns + kAttemptColumns);
  const auto give = [&](std::string& column) {
    column += column.empty() ? "{}" : "}";
    values.emplace_back(std::string_view(column));
  };
  for (std::string& column : calls_) give(column);
  for (std::string& column : attempts_) give(column);
  if (auto done = connection_->run(kSave, values); !done) return done;
  rows_since_ += rows;
  if (++saves_since_ < kForgetEvery) return {};
  return forget(oldest);
}

Result<void> RowsDatabase::forget(WallTime oldest) {
  const store::Value values[] = {oldest.time_since_epoch().count(), rows_since_ + kForgottenBesides};
  if (auto done = connection_->run(kForget, values); !done) return done;
  rows_since_ = 0;
  saves_since_ = 0;
  return {};
}

}  // namespace baton::ledger
