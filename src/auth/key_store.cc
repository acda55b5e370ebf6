#include "auth/key_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "auth/budget_table.h"
#include "auth/signature.h"

namespace baton::auth {
namespace {

using store::Migration;
using store::Result;
using store::Statement;

constexpr Migration kMigrations[] = {
    "CREATE TABLE keys("
    "seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, team TEXT NOT NULL, tags TEXT NOT NULL, "
    "shown TEXT NOT NULL, models TEXT NOT NULL, endpoints TEXT NOT NULL, "  // lists with commas
    "requests_per_minute INTEGER NOT NULL, concurrency INTEGER NOT NULL, "
    "created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER"  // ms since 1970
    ") STRICT;"
    "CREATE UNIQUE INDEX keys_in_use ON keys(name) WHERE revoked_at IS NULL;"
    "CREATE TABLE secrets("
    "digest TEXT PRIMARY KEY, "  // keyed, hex
    "key_id TEXT NOT NULL, created_at INTEGER NOT NULL, until INTEGER"
    ") STRICT, WITHOUT ROWID",
    "ALTER TABLE keys ADD COLUMN signing INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE signing("
    "seq INTEGER PRIMARY KEY, salt TEXT NOT NULL, key_id TEXT NOT NULL, created_at INTEGER NOT NULL, until INTEGER"
    ") STRICT",
    kBudgetsMigration,
    "ALTER TABLE keys ADD COLUMN accounts TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE keys ADD COLUMN addresses TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE keys ADD COLUMN tokens_per_minute INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN cache INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
    kTeamBudgetsMigration,
    "ALTER TABLE keys ADD COLUMN account_groups TEXT NOT NULL DEFAULT ''",
};
constexpr std::string_view kColumns =
    "id, name, team, tags, shown, models, endpoints, requests_per_minute, concurrency, created_at, expires_at, "
    "revoked_at, signing, accounts, addresses, tokens_per_minute, cache, priority, account_groups";
constexpr Duration kBusyTimeout = std::chrono::seconds(2);

std::unexpected<Error> failure(std::string detail) { return fail(ErrorCode::kStore, Fault::kUs, std::move(detail)); }
std::unexpected<Error> failure(const store::Failure& why) { return failure("keys.db: " + why.error.detail); }
std::unexpected<Error> system_failure(const std::string& path) { return failure(path + ": " + std::strerror(errno)); }

std::optional<WallTime> wall(std::optional<int64_t> ms) {
  if (!ms) return std::nullopt;
  return WallTime(std::chrono::milliseconds(*ms));
}
std::optional<int64_t> ms(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return time->time_since_epoch().count();
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : ",").append(word);
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    text = comma == text.npos ? std::string_view{} : text.substr(comma + 1);
  }
  return out;
}

StoredKey key_of(const Statement& row) {
  return {.id = std::string(row.text(0)),
          .name = std::string(row.text(1)),
          .team = std::string(row.text(2)),
          .tags = std::string(row.text(3)),
          .shown = std::string(row.text(4)),
          .rights = {.models = split(row.text(5)),
                     .endpoints = split(row.text(6)),
                     .requests_per_minute = static_cast<uint32_t>(row.number(7)),
                     .concurrency = static_cast<uint32_t>(row.number(8)),
                     .tokens_per_minute = static_cast<uint64_t>(row.number(15)),
                     .accounts = split(row.text(13)),
                     .groups = split(row.text(18)),
                     .addresses = split(row.text(14)),
                     .cache = static_cast<CachePolicy>(row.number(16)),
                     .priority = static_cast<Priority>(row.number(17))},
          .signing = static_cast<Signing>(row.number(12)),
          .created = WallTime(std::chrono::milliseconds(row.number(9))),
          .expires = wall(row.number_or_null(10)),
          .revoked = wall(row.number_or_null(11))};
}

std::optional<uint8_t> nibble(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

// As many bytes as there is room for, from twice as many characters of hex.
template <size_t N>
bool unhex(std::string_view text, std::array<uint8_t, N>& out) {
  if (text.size() != out.size() * 2) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    const auto high = nibble(text[2 * i]);
    const auto low = nibble(text[2 * i + 1]);
    if (!high || !low) return false;
    out[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return true;
}

// Reads the secret, or makes it: written whole under another name first, so that nobody ever reads half of one, and
// linked into place, so that of two processes one wins.
Expected<DigestSecret> open_secret(const std::string& folder, bool may_make) {
  const std::string path = folder + "/keys.secret";
  DigestSecret secret;
  for (int tries = 0; tries < 2; ++tries) {
    if (const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); file >= 0) {
      std::array<char, 65> text;
      const ssize_t got = ::read(file, text.data(), text.size());
      ::close(file);
      if (got != 64 || !unhex(std::string_view(text.data(), 64), secret))
        return failure(path + ": is not a secret of Baton's");
      return secret;
    }
    if (errno != ENOENT) return system_failure(path);
    if (!may_make)
      return failure(path + ": is missing, and without it no stored key can be recognised; put it back beside keys.db");
    random_bytes(secret);
    const std::string mine = path + "." + std::to_string(::getpid());
    const int file = ::open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return system_failure(mine);
    const std::string text = hex(secret);
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    ::close(file);
    const bool placed = written && (::link(mine.c_str(), path.c_str()) == 0 || errno == EEXIST);
    const int why = errno;
    ::unlink(mine.c_str());
    errno = why;
    if (!placed) return system_failure(path);
  }
  return failure(path + ": cannot be made");
}

}  // namespace

KeyStore::KeyStore(store::Database database, std::string folder, DigestSecret secret)
    : database_(std::move(database)), folder_(std::move(folder)), secret_(secret) {}

bool KeyStore::exists(const std::string& folder) { return ::access((folder + "/keys.db").c_str(), F_OK) == 0; }

Expected<KeyStore> KeyStore::open(const std::string& folder) {
  Result<store::Database> database =
      store::Database::open({.path = folder + "/keys.db", .busy_timeout = kBusyTimeout}, kMigrations);
  if (!database) return failure(database.error());
  bool empty = true;
  {
    Result<Statement> any = database->prepare("SELECT 1 FROM keys LIMIT 1");
    if (!any) return failure(any.error());
    Result<bool> row = any->step();
    if (!row) return failure(row.error());
    empty = !*row;
  }
  Expected<DigestSecret> secret = open_secret(folder, empty);
  if (!secret) return std::unexpected(secret.error());
  return KeyStore(std::move(*database), folder, *secret);
}

Secret KeyStore::add_secret_to(StoredKey& key, std::string& failed, WallTime now) {
  if (key.signing != Signing::kNone) return add_signing_to(key, failed, now);
  std::array<uint8_t, 24> bytes;
  random_bytes(bytes);
  Secret secret(std::string(kKeyPrefix) + hex(bytes));
  key.shown = secret.reveal().substr(0, kShownBytes);
  Result<Statement> insert = database_.prepare("INSERT INTO secrets VALUES(?1, ?2, ?3, NULL)");
  Result<void> done;
  if (insert) {
    done = insert->bind(1, std::string_view(hex(keyed_digest(secret_, secret.reveal()))))
               .bind(2, std::string_view(key.id))
               .bind(3, now.time_since_epoch().count())
               .run();
  }
  if (!insert) failed = insert.error().error.detail;
  if (!done) failed = done.error().error.detail;
  return secret;
}

Secret KeyStore::add_signing_to(StoredKey& key, std::string& failed, WallTime now) {
  SigningSalt salt;
  random_bytes(salt);
  Result<Statement> insert =
      database_.prepare("INSERT INTO signing(salt, key_id, created_at, until) VALUES(?1, ?2, ?3, NULL)");
  Result<void> done;
  if (insert) {
    done = insert->bind(1, std::string_view(hex(salt)))
               .bind(2, std::string_view(key.id))
               .bind(3, now.time_since_epoch().count())
               .run();
  }
  if (!insert) failed = insert.error().error.detail;
  if (!done) failed = done.error().error.detail;
  const std::string named = std::string(kSigningPrefix).append(key.id.substr(key.id.find('_') + 1)).append("-");
  key.shown = named.substr(0, kShownBytes);
  return Secret(named + std::string(signing_secret(secret_, key.id, salt).reveal()));
}

Expected<MadeKey> KeyStore::create(const NewKey& wanted, WallTime now) { return make(wanted, nullptr, now); }

Expected<StoredKey> KeyStore::import(const NewKey& wanted, const Sha256& plain, WallTime now) {
  auto made = make(wanted, &plain, now);
  if (!made) return std::unexpected(made.error());
  return std::move(made->stored);
}

// The key's secret: a new one, or what is known of one that was made elsewhere.
Expected<Secret> KeyStore::add(StoredKey& key, const Sha256* plain, WallTime now) {
  if (plain == nullptr) {
    std::string failed;
    Secret secret = add_secret_to(key, failed, now);
    if (!failed.empty()) return failure("keys.db: " + failed);
    return secret;
  }
  key.shown = "sha256:" + hex(*plain).substr(0, 4);
  Result<Statement> insert = database_.prepare("INSERT OR IGNORE INTO secrets VALUES(?1, ?2, ?3, NULL)");
  if (!insert) return failure(insert.error());
  Result<void> done = insert->bind(1, std::string_view(hex(keyed_digest_of(secret_, *plain))))
                          .bind(2, std::string_view(key.id))
                          .bind(3, now.time_since_epoch().count())
                          .run();
  if (!done) return failure(done.error());
  if (database_.changes() == 0) return fail(ErrorCode::kConfig, Fault::kClient, "this key is known already");
  return Secret();
}

Expected<void> KeyStore::change(const StoredKey& key) {
  Result<Statement> update = database_.prepare(
      "UPDATE keys SET team = ?2, tags = ?3, models = ?4, endpoints = ?5, requests_per_minute = ?6, concurrency = ?7, "
      "expires_at = ?8, accounts = ?9, addresses = ?10, tokens_per_minute = ?11, cache = ?12, priority = ?13, "
      "account_groups = ?14 WHERE id = ?1");
  if (!update) return failure(update.error());
  const Rights& rights = key.rights;
  const std::string models = join(rights.models);
  const std::string endpoints = join(rights.endpoints);
  const std::string accounts = join(rights.accounts);
  const std::string addresses = join(rights.addresses);
  const std::string groups = join(rights.groups);
  Result<void> done = update->bind(1, std::string_view(key.id))
                          .bind(2, std::string_view(key.team))
                          .bind(3, std::string_view(key.tags))
                          .bind(4, std::string_view(models))
                          .bind(5, std::string_view(endpoints))
                          .bind(6, int64_t{rights.requests_per_minute})
                          .bind(7, int64_t{rights.concurrency})
                          .bind(8, ms(key.expires))
                          .bind(9, std::string_view(accounts))
                          .bind(10, std::string_view(addresses))
                          .bind(11, static_cast<int64_t>(rights.tokens_per_minute))
                          .bind(12, static_cast<int64_t>(rights.cache))
                          .bind(13, static_cast<int64_t>(rights.priority))
                          .bind(14, std::string_view(groups))
                          .run();
  if (done) done = save_budget(database_, key.id, rights.budget);
  if (!done) return failure(done.error());
  return {};
}

Expected<MadeKey> KeyStore::make(const NewKey& wanted, const Sha256* plain, WallTime now) {
  std::array<uint8_t, 8> id;
  random_bytes(id);
  StoredKey key{.id = "key_" + hex(id),
                .name = wanted.name,
                .team = wanted.team,
                .tags = wanted.tags,
                .shown = {},
                .rights = wanted.rights,
                .signing = wanted.signing,
                .created = now,
                .expires = wanted.expires,
                .revoked = {}};
  if (Result<void> begun = database_.execute("BEGIN IMMEDIATE"); !begun) return failure(begun.error());
  const auto insert_all = [&]() -> Expected<Secret> {
    Result<Statement> count = database_.prepare("SELECT count(*), sum(name = ?1 AND revoked_at IS NULL) FROM keys");
    if (!count) return failure(count.error());
    Result<bool> row = count->bind(1, std::string_view(key.name)).step();
    if (!row) return failure(row.error());
    if (count->number(1) > 0) {
      return fail(ErrorCode::kConfig, Fault::kClient,
                  "there is a key " + key.name + " already; rotate or revoke it, or take another name");
    }
    if (count->number(0) >= static_cast<int64_t>(kKeysMax))
      return fail(ErrorCode::kConfig, Fault::kClient, "there are too many keys");
    count->reset();
    Expected<Secret> secret = add(key, plain, now);
    if (!secret) return secret;
    Result<Statement> insert = database_.prepare(
        "INSERT INTO keys(id, name, team, tags, shown, models, endpoints, requests_per_minute, concurrency, "
        "created_at, "
        "expires_at, signing) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    if (!insert) return failure(insert.error());
    const std::string models = join(key.rights.models);
    const std::string endpoints = join(key.rights.endpoints);
    Result<void> done = insert->bind(1, std::string_view(key.id))
                            .bind(2, std::string_view(key.name))
                            .bind(3, std::string_view(key.team))
                            .bind(4, std::string_view(key.tags))
                            .bind(5, std::string_view(key.shown))
                            .bind(6, std::string_view(models))
                            .bind(7, std::string_view(endpoints))
                            .bind(8, int64_t{key.rights.requests_per_minute})
                            .bind(9, int64_t{key.rights.concurrency})
                            .bind(10, now.time_since_epoch().count())
                            .bind(11, ms(key.expires))
                            .bind(12, static_cast<int64_t>(key.signing))
                            .run();
    if (!done) return failure(done.error());
    if (auto changed = change(key); !changed) return std::unexpected(changed.error());
    if (Result<void> committed = database_.execute("COMMIT"); !committed) return failure(committed.error());
    return secret;
  };
  Expected<Secret> secret = insert_all();
  if (!secret) {
    (void)database_.execute("ROLLBACK");
    return std::unexpected(secret.error());
  }
  return MadeKey{std::move(key), std::move(*secret)};
}

Expected<StoredKey> KeyStore::find(std::string_view name) {
  Result<Statement> query =
      database_.prepare("SELECT " + std::string(kColumns) + " FROM keys WHERE name = ?1 AND revoked_at IS NULL");
  if (!query) return failure(query.error());
  Result<bool> row = query->bind(1, name).step();
  if (!row) return failure(row.error());
  if (!*row) {
    return fail(ErrorCode::kNotFound, Fault::kClient,
                "there is no key " + std::string(name) + " in use; `baton keys list` shows those there are");
  }
  std::vector<StoredKey> found{key_of(*query)};
  query->reset();
  if (Result<void> budgets = read_budgets(database_, found); !budgets) return failure(budgets.error());
  return std::move(found.front());
}

Expected<StoredKey> KeyStore::update(std::string_view name, const std::function<void(StoredKey&)>& edit) {
  if (Result<void> begun = database_.execute("BEGIN IMMEDIATE"); !begun) return failure(begun.error());
  const auto all = [&]() -> Expected<StoredKey> {
    Expected<StoredKey> key = find(name);
    if (!key) return key;
    edit(*key);
    if (auto changed = change(*key); !changed) return std::unexpected(changed.error());
    if (Result<void> committed = database_.execute("COMMIT"); !committed) return failure(committed.error());
    return key;
  };
  Expected<StoredKey> key = all();
  if (!key) (void)database_.execute("ROLLBACK");
  return key;
}

Expected<void> KeyStore::set_team_budget(std::string_view team, const model::Budget& budget) {
  if (Result<void> done = save_team_budget(database_, team, budget); !done) return failure(done.error());
  return {};
}

Expected<MadeKey> KeyStore::rotate(std::string_view name, Duration grace, WallTime now) {
  if (Result<void> begun = database_.execute("BEGIN IMMEDIATE"); !begun) return failure(begun.error());
  const auto make = [&]() -> Expected<MadeKey> {
    Expected<StoredKey> key = find(name);
    if (!key) return std::unexpected(key.error());
    const WallTime until = now + std::chrono::duration_cast<std::chrono::milliseconds>(grace);
    for (const std::string_view sql :
         {"UPDATE secrets SET until = ?2 WHERE key_id = ?1 AND (until IS NULL OR until > ?2)",
          "UPDATE signing SET until = ?2 WHERE key_id = ?1 AND (until IS NULL OR until > ?2)"}) {
      Result<Statement> end = database_.prepare(sql);
      if (!end) return failure(end.error());
      Result<void> ended = end->bind(1, std::string_view(key->id)).bind(2, until.time_since_epoch().count()).run();
      if (!ended) return failure(ended.error());
    }
    std::string failed;
    Secret secret = add_secret_to(*key, failed, now);
    if (!failed.empty()) return failure("keys.db: " + failed);
    Result<Statement> show = database_.prepare("UPDATE keys SET shown = ?2 WHERE id = ?1");
    if (!show) return failure(show.error());
    Result<void> done = show->bind(1, std::string_view(key->id)).bind(2, std::string_view(key->shown)).run();
    if (!done) return failure(done.error());
    if (Result<void> committed = database_.execute("COMMIT"); !committed) return failure(committed.error());
    return MadeKey{std::move(*key), std::move(secret)};
  };
  Expected<MadeKey> made = make();
  if (!made) (void)database_.execute("ROLLBACK");
  return made;
}

Expected<void> KeyStore::revoke(std::string_view name, WallTime now) {
  Expected<StoredKey> key = find(name);
  if (!key) return std::unexpected(key.error());
  Result<Statement> update = database_.prepare("UPDATE keys SET revoked_at = ?2 WHERE id = ?1");
  if (!update) return failure(update.error());
  Result<void> done = update->bind(1, std::string_view(key->id)).bind(2, now.time_since_epoch().count()).run();
  if (!done) return failure(done.error());
  return {};
}

Expected<StoredKeys> KeyStore::read() {
  StoredKeys out{.secret = secret_};
  Result<Statement> keys = database_.prepare("SELECT " + std::string(kColumns) + " FROM keys ORDER BY seq");
  if (!keys) return failure(keys.error());
  while (true) {
    Result<bool> row = keys->step();
    if (!row) return failure(row.error());
    if (!*row) break;
    out.keys.push_back(key_of(*keys));
  }
  if (Result<void> budgets = read_budgets(database_, out.keys); !budgets) return failure(budgets.error());
  if (Result<void> teams = read_team_budgets(database_, out.team_budgets); !teams) return failure(teams.error());
  Result<Statement> secrets = database_.prepare("SELECT digest, key_id, until FROM secrets");
  if (!secrets) return failure(secrets.error());
  while (true) {
    Result<bool> row = secrets->step();
    if (!row) return failure(row.error());
    if (!*row) break;
    StoredSecret secret{
        .digest = {}, .key_id = std::string(secrets->text(1)), .until = wall(secrets->number_or_null(2))};
    if (unhex(secrets->text(0), secret.digest)) out.secrets.push_back(std::move(secret));
  }
  Result<Statement> signing = database_.prepare("SELECT salt, key_id, until FROM signing ORDER BY seq DESC");
  if (!signing) return failure(signing.error());
  while (true) {
    Result<bool> row = signing->step();
    if (!row) return failure(row.error());
    if (!*row) break;
    StoredSigning one{.key_id = std::string(signing->text(1)), .until = wall(signing->number_or_null(2))};
    if (unhex(signing->text(0), one.salt)) out.signing.push_back(std::move(one));
  }
  return out;
}

Expected<bool> KeyStore::changed() {
  Result<Statement> query = database_.prepare("PRAGMA data_version");
  if (!query) return failure(query.error());
  Result<bool> row = query->step();
  if (!row) return failure(row.error());
  const int64_t version = query->number(0);
  return std::exchange(version_, version) != version;
}

}  // namespace baton::auth
