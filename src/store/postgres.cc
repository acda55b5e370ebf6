#include "store/postgres.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/ascii.h"

namespace baton::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Oid kInt8 = 20;
constexpr Oid kText = 25;
constexpr Duration kHurried = std::chrono::milliseconds(500);
constexpr Duration kSlice = std::chrono::milliseconds(100);
constexpr int64_t kMigrationLock = 0x6261746f6e;  // an advisory lock's number: "baton"

// One line without the word that libpq begins or ends its sentences with.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' || c == '\t' ? ' ' : c;
  while (out.ends_with(' ')) out.pop_back();
  return out.empty() ? "the connection failed" : out;
}

// ?1 as $1.
std::string numbered(std::string_view sql) {
  std::string out(sql);
  for (size_t i = 0; i + 1 < out.size(); ++i) {
    if (out[i] == '?' && out[i + 1] >= '0' && out[i + 1] <= '9') out[i] = '$';
  }
  return out;
}

}  // namespace

std::string utf8_text(std::string_view text) {
  std::string out(text);
  const auto at = [&](size_t i) { return i < out.size() ? static_cast<unsigned char>(out[i]) : 0u; };
  for (size_t i = 0; i < out.size();) {
    const unsigned first = at(i);
    size_t length = 0;
    unsigned low = 0x80, high = 0xbf;  // of the second byte (Unicode 15, table 3-7)
    if (first > 0 && first < 0x80) {
      length = 1;
    } else if (first >= 0xc2 && first <= 0xdf) {
      length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
      length = 3;
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      length = 4;
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
    }
    bool whole = length > 0;
    if (length > 1) whole = at(i + 1) >= low && at(i + 1) <= high;
    for (size_t k = 2; k < length; ++k) whole = whole && at(i + k) >= 0x80 && at(i + k) <= 0xbf;
    if (!whole) out[i] = '?';
    i += whole ? length : 1;
  }
  return out;
}

// -- Cursor --

Postgres::Cursor::Cursor(Cursor&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), row_(std::exchange(other.row_, nullptr)) {}

Postgres::Cursor& Postgres::Cursor::operator=(Cursor&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(row_, other.row_);
  return *this;
}

Postgres::Cursor::~Cursor() {
  PQclear(row_);
  if (connection_ != nullptr) (void)connection_->finish();
}

Result<bool> Postgres::Cursor::step() {
  PQclear(std::exchange(row_, nullptr));
  if (connection_ == nullptr) return false;
  Result<pg_result*> next = connection_->next();
  if (!next) {
    connection_ = nullptr;
    return std::unexpected(std::move(next.error()));
  }
  if (PQresultStatus(*next) == PGRES_SINGLE_TUPLE) {
    row_ = *next;
    return true;
  }
  const ExecStatusType status = PQresultStatus(*next);
  Postgres& connection = *std::exchange(connection_, nullptr);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return connection.failed(*next);
  PQclear(*next);
  if (Result<void> ended = connection.finish(); !ended) return std::unexpected(std::move(ended.error()));
  return false;
}

std::string_view Postgres::Cursor::text(int column) const {
  if (row_ == nullptr || PQgetisnull(row_, 0, column) != 0) return {};
  return {PQgetvalue(row_, 0, column), static_cast<size_t>(PQgetlength(row_, 0, column))};
}

std::optional<int64_t> Postgres::Cursor::number_or_null(int column) const {
  if (row_ == nullptr || PQgetisnull(row_, 0, column) != 0) return std::nullopt;
  const std::string_view digits = text(column);
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// -- Postgres --

Postgres::~Postgres() { PQfinish(connection_); }

bool Postgres::good() const { return !broken_ && connection_ != nullptr && PQstatus(connection_) == CONNECTION_OK; }

std::unexpected<Failure> Postgres::failed(std::string what) {
  broken_ = true;
  return std::unexpected(
      Failure{Error{ErrorCode::kStore, Fault::kUs, Retry::kLater, one_line("PostgreSQL: " + what)}, false});
}

std::unexpected<Failure> Postgres::failed(pg_result* result) {
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  // The whole message may hold a row's values; the sentence alone does not.
  std::string what = primary != nullptr ? primary : PQerrorMessage(connection_);
  PQclear(result);
  return failed(std::move(what));
}

Result<void> Postgres::wait(bool to_write, Duration at_most) {
  Clock::time_point until = Clock::now() + at_most;
  bool hurried = false;
  while (true) {
    if (!hurried && options_.hurry != nullptr && options_.hurry->load(std::memory_order_relaxed)) {
      hurried = true;
      until = std::min(until, Clock::now() + kHurried);
    }
    const auto left = std::chrono::duration_cast<Duration>(until - Clock::now());
    if (left.count() <= 0) return failed("the server does not answer");
    pollfd one{
        .fd = PQsocket(connection_), .events = static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN), .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<int64_t>(1, milliseconds(std::min(left, kSlice)))));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return failed("the connection failed");
  }
}

Result<void> Postgres::connect() {
  // Of what the address itself says of these, nothing is changed.
  const std::string url(options_.url.reveal());
  const std::array<const char*, 8> words{"dbname",
                                         "fallback_application_name",
                                         "client_encoding",
                                         "keepalives_idle",
                                         "keepalives_interval",
                                         "keepalives_count",
                                         "tcp_user_timeout",
                                         nullptr};
  const std::array<const char*, 8> values{url.c_str(), "baton", "UTF8", "10", "5", "3", "30000", nullptr};
  // What libpq says of an address that it cannot read repeats it.
  PQconninfoOption* const read = PQconninfoParse(url.c_str(), nullptr);
  if (read == nullptr) return failed("the address cannot be read");
  PQconninfoFree(read);
  connection_ = PQconnectStartParams(words.data(), values.data(), 1);
  if (connection_ == nullptr) return failed("out of memory");
  if (PQstatus(connection_) == CONNECTION_BAD) return failed(PQerrorMessage(connection_));
  const Clock::time_point until = Clock::now() + options_.connect_timeout;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return failed(PQerrorMessage(connection_));
    const auto left = std::chrono::duration_cast<Duration>(until - Clock::now());
    // Only what is asked for: a socket that is being connected can always be read for an error.
    if (auto ready = wait(state == PGRES_POLLING_WRITING, left); !ready) return ready;
    state = PQconnectPoll(connection_);
  }
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(connection_, 1) != 0) return failed(PQerrorMessage(connection_));
  return {};
}

Result<pg_result*> Postgres::next() {
  while (true) {
    const int left = PQflush(connection_);
    if (left < 0) return failed(PQerrorMessage(connection_));
    if (left == 0 && PQisBusy(connection_) == 0) return PQgetResult(connection_);
    if (auto ready = wait(left > 0, options_.answer_timeout); !ready) return std::unexpected(std::move(ready.error()));
    if (PQconsumeInput(connection_) == 0) return failed(PQerrorMessage(connection_));
  }
}

Result<void> Postgres::finish() {
  if (broken_) return {};
  while (true) {
    Result<pg_result*> one = next();
    if (!one) return std::unexpected(std::move(one.error()));
    if (*one == nullptr) return {};
    if (PQresultStatus(*one) == PGRES_FATAL_ERROR) return failed(*one);
    PQclear(*one);
  }
}

Result<void> Postgres::execute(const std::string& sql) {
  if (broken_) return failed("the connection failed");
  if (PQsendQuery(connection_, sql.c_str()) == 0) return failed(PQerrorMessage(connection_));
  return finish();
}

Result<const std::string*> Postgres::prepared(std::string_view sql, std::span<const Value> values) {
  const auto known = std::ranges::find_if(
      prepared_, [&](const Prepared& one) { return one.sql.data() == sql.data() && one.sql.size() == sql.size(); });
  if (known != prepared_.end()) return &known->name;
  std::vector<Oid> types;
  for (const Value& value : values) types.push_back(std::holds_alternative<std::string_view>(value) ? kText : kInt8);
  std::string name = "s" + std::to_string(prepared_.size());
  if (PQsendPrepare(connection_, name.c_str(), numbered(sql).c_str(), static_cast<int>(types.size()), types.data()) ==
      0)
    return failed(PQerrorMessage(connection_));
  if (auto done = finish(); !done) return std::unexpected(std::move(done.error()));
  prepared_.push_back({sql, std::move(name)});
  return &prepared_.back().name;
}

Result<Postgres::Cursor> Postgres::query(std::string_view sql, std::span<const Value> values) {
  if (broken_) return failed("the connection failed");
  const auto name = prepared(sql, values);
  if (!name) return std::unexpected(name.error());
  // As texts, each with the zero behind that libpq wants.
  std::vector<std::string> texts;
  texts.reserve(values.size());
  std::vector<const char*> pointers;
  for (const Value& value : values) {
    bool null = false;
    if (const auto* number = std::get_if<int64_t>(&value)) {
      texts.push_back(std::to_string(*number));
    } else if (const auto* maybe = std::get_if<std::optional<int64_t>>(&value)) {
      null = !*maybe;
      texts.push_back(null ? std::string() : std::to_string(**maybe));
    } else {
      texts.emplace_back(std::get<std::string_view>(value));
    }
    pointers.push_back(null ? nullptr : texts.back().c_str());
  }
  if (PQsendQueryPrepared(connection_, (*name)->c_str(), static_cast<int>(pointers.size()), pointers.data(), nullptr,
                          nullptr, 0) == 0)
    return failed(PQerrorMessage(connection_));
  PQsetSingleRowMode(connection_);
  return Cursor(*this);
}

Result<void> Postgres::run(std::string_view sql, std::span<const Value> values) {
  Result<Cursor> cursor = query(sql, values);
  if (!cursor) return std::unexpected(std::move(cursor.error()));
  while (true) {
    Result<bool> row = cursor->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return {};
  }
}

Result<int64_t> Postgres::version() {
  static constexpr std::string_view kThere =
      "SELECT count(*) FROM pg_tables WHERE schemaname = ?1 AND tablename = 'migrations'";
  static constexpr std::string_view kNewest = "SELECT coalesce(max(version), 0) FROM migrations";
  for (const std::string_view sql : {kThere, kNewest}) {
    const Value schema = std::string_view(options_.schema);
    Result<Cursor> rows = query(sql, sql == kThere ? std::span(&schema, 1) : std::span<const Value>());
    if (!rows) return std::unexpected(std::move(rows.error()));
    Result<bool> row = rows->step();
    if (!row) return std::unexpected(std::move(row.error()));
    const int64_t number = rows->number(0);
    if (sql == kNewest || number == 0) return number;
  }
  return 0;
}

Result<void> Postgres::migrate(std::span<const Migration> migrations) {
  const auto known = static_cast<int64_t>(migrations.size());
  Result<int64_t> version = this->version();
  if (!version) return std::unexpected(std::move(version.error()));
  if (*version == known) return {};
  const std::string lock = "SELECT pg_advisory_xact_lock(" + std::to_string(kMigrationLock) + ")";
  for (const std::string& sql :
       {std::string("BEGIN"), lock, "CREATE SCHEMA IF NOT EXISTS " + options_.schema,
        std::string("CREATE TABLE IF NOT EXISTS migrations("
                    "version BIGINT PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())")}) {
    if (auto done = execute(sql); !done) return done;
  }
  version = this->version();
  if (!version) return std::unexpected(std::move(version.error()));
  if (*version > known) return failed("the schema was made by a newer version of this program");
  for (int64_t next = *version; next < known; ++next) {
    if (auto done = execute(std::string(migrations[static_cast<size_t>(next)])); !done) return done;
    if (auto done = execute("INSERT INTO migrations(version) VALUES(" + std::to_string(next + 1) + ")"); !done)
      return done;
  }
  return execute("COMMIT");
}

Result<std::unique_ptr<Postgres>> Postgres::open(const Options& options, std::span<const Migration> migrations,
                                                 bool make) {
  std::unique_ptr<Postgres> out(new Postgres(options));
  if (auto done = out->connect(); !done) return std::unexpected(std::move(done.error()));
  if (auto done = out->execute("SET search_path = " + options.schema + ", pg_catalog"); !done)
    return std::unexpected(std::move(done.error()));
  if (make) {
    if (auto done = out->migrate(migrations); !done) return std::unexpected(std::move(done.error()));
    return out;
  }
  Result<int64_t> version = out->version();
  if (!version) return std::unexpected(std::move(version.error()));
  if (*version == 0) return nullptr;
  if (*version > static_cast<int64_t>(migrations.size()))
    return out->failed("the schema was made by a newer version of this program");
  // An older one is brought up to date by whoever asks first.
  if (auto done = out->migrate(migrations); !done) return std::unexpected(std::move(done.error()));
  return out;
}

Result<std::unique_ptr<Postgres>> Postgres::open(const Options& options, std::span<const Migration> migrations) {
  return open(options, migrations, true);
}

Result<std::unique_ptr<Postgres>> Postgres::open_to_read(const Options& options,
                                                         std::span<const Migration> migrations) {
  return open(options, migrations, false);
}

}  // namespace baton::store
