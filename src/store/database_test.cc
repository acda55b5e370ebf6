#include "store/database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace baton::store {
namespace {

namespace fs = std::filesystem;

constexpr Migration kFirst = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT";
constexpr Migration kSecond = "ALTER TABLE t ADD COLUMN size INTEGER NOT NULL DEFAULT 7";

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    folder_ = ::testing::TempDir() + "database_test_XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~DatabaseTest() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ + "/state/test.db"; }
  Result<Database> open(std::vector<Migration> migrations = {kFirst}) const {
    return Database::open({.path = path(), .busy_timeout = std::chrono::milliseconds(1)}, migrations);
  }

  std::string folder_;
};

TEST_F(DatabaseTest, ValuesAreBoundNeverPasted) {
  Database database = std::move(open().value());
  Statement insert = std::move(database.prepare("INSERT INTO t(id, name) VALUES(?1, ?2)").value());
  const std::string_view names[] = {"plain", "'; DROP TABLE t; --", "", std::string_view("nul\0inside", 10), "漢字"};
  int64_t id = INT64_MAX;
  for (std::string_view name : names) ASSERT_TRUE(insert.bind(1, id--).bind(2, name).run().has_value());
  EXPECT_EQ(database.changes(), 1);

  Statement select = std::move(database.prepare("SELECT id, name FROM t ORDER BY id DESC").value());
  id = INT64_MAX;
  for (std::string_view name : names) {
    ASSERT_TRUE(select.step().value());
    EXPECT_EQ(select.number(0), id--);
    EXPECT_EQ(select.text(1), name);
  }
  EXPECT_FALSE(select.step().value());
}

TEST_F(DatabaseTest, AFailedStatementIsAnErrorAndTheNextOneWorks) {
  Database database = std::move(open().value());
  Statement insert = std::move(database.prepare("INSERT INTO t(id, name) VALUES(?1, 'x')").value());
  ASSERT_TRUE(insert.bind(1, int64_t{1}).run().has_value());
  Result<void> twice = insert.bind(1, int64_t{1}).run();
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().error.code, ErrorCode::kStore);
  EXPECT_FALSE(twice.error().corrupt);
  EXPECT_EQ(twice.error().error.detail, "UNIQUE constraint failed: t.id");
  EXPECT_TRUE(insert.bind(1, int64_t{2}).run().has_value());
  EXPECT_FALSE(database.prepare("SELECT nothing FROM nowhere").has_value());
  EXPECT_FALSE(database.execute("not SQL").has_value());
}

TEST_F(DatabaseTest, OnlyTheOwnerCanReadTheFiles) {
  Database database = std::move(open().value());
  ASSERT_TRUE(database.execute("INSERT INTO t(id, name) VALUES(1, 'x')").has_value());
  struct {
    std::string file;
    fs::perms want;
  } const cases[] = {
      {folder_ + "/state", fs::perms(0700)},
      {path(), fs::perms(0600)},
      {path() + "-wal", fs::perms(0600)},
      {path() + "-shm", fs::perms(0600)},
  };
  for (const auto& c : cases) EXPECT_EQ(fs::status(c.file).permissions(), c.want) << c.file;
}

TEST_F(DatabaseTest, MigrationsRunOnceEachAndInOrder) {
  {
    Database database = std::move(open({kFirst}).value());
    ASSERT_TRUE(database.execute("INSERT INTO t(id, name) VALUES(1, 'x')").has_value());
  }
  for (int i = 0; i < 2; ++i) {
    Database database = std::move(open({kFirst, kSecond}).value());
    Statement select = std::move(database.prepare("SELECT size, (SELECT count(*) FROM migrations) FROM t").value());
    ASSERT_TRUE(select.step().value());
    EXPECT_EQ(select.number(0), 7);
    EXPECT_EQ(select.number(1), 2);
  }
  Result<Database> older = open({kFirst});
  ASSERT_FALSE(older.has_value());
  EXPECT_EQ(older.error().error.detail, "the file was written by a newer version of this program");
  EXPECT_FALSE(older.error().corrupt);
}

TEST_F(DatabaseTest, AMigrationThatFailsLeavesTheSchemaAsItWas) {
  {
    Database database = std::move(open({kFirst}).value());
  }
  Result<Database> broken = open({kFirst, kSecond, "CREATE TABLE u(x); CREATE TABLE t(again)"});
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().error.code, ErrorCode::kStore);
  Database database = std::move(open({kFirst}).value());
  Statement count = std::move(database.prepare("SELECT count(*) FROM migrations").value());
  ASSERT_TRUE(count.step().value());
  EXPECT_EQ(count.number(0), 1);
  EXPECT_FALSE(database.prepare("SELECT size FROM t").has_value());
  EXPECT_FALSE(database.prepare("SELECT x FROM u").has_value());
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsToldApartFromOtherTrouble) {
  struct {
    const char* name;
    std::string contents;
    bool opens;
  } const cases[] = {
      {"text", std::string(5000, 'x'), false},
      {"a short text", "hello", false},
      {"empty: a new database", "", true},
      {"a header and then nothing true", "SQLite format 3" + std::string(1, '\0') + std::string(8000, '\x55'), false},
  };
  for (const auto& c : cases) {
    fs::remove_all(folder_ + "/state");
    fs::create_directory(folder_ + "/state");
    std::ofstream(path(), std::ios::binary) << c.contents;
    Result<Database> opened = open();
    EXPECT_EQ(opened.has_value(), c.opens) << c.name;
    if (!opened) EXPECT_TRUE(opened.error().corrupt) << c.name << ": " << opened.error().error.detail;
  }
  fs::remove_all(folder_ + "/state");
  std::ofstream(folder_ + "/state") << "a file where the folder should be";
  Result<Database> blocked = open();
  ASSERT_FALSE(blocked.has_value());
  EXPECT_FALSE(blocked.error().corrupt);
  EXPECT_EQ(blocked.error().error.detail, path() + ": Not a directory");
}

TEST_F(DatabaseTest, ALinkInPlaceOfTheFileIsNotFollowed) {
  fs::create_directory(folder_ + "/state");
  fs::create_symlink(folder_ + "/elsewhere.db", path());
  EXPECT_FALSE(open().has_value());
  EXPECT_FALSE(fs::exists(folder_ + "/elsewhere.db"));
}

TEST_F(DatabaseTest, AnotherProcessThatHoldsTheFileIsWaitedForButNotForEver) {
  Database one = std::move(open().value());
  Database two = std::move(open().value());
  ASSERT_TRUE(one.execute("BEGIN IMMEDIATE").has_value());
  Result<void> busy = two.execute("INSERT INTO t(id, name) VALUES(1, 'x')");
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().error.detail, "database is locked");
  EXPECT_FALSE(busy.error().corrupt);
  ASSERT_TRUE(one.execute("COMMIT").has_value());
  EXPECT_TRUE(two.execute("INSERT INTO t(id, name) VALUES(1, 'x')").has_value());
}

// A process's locks on a file go when it closes any descriptor of it, and who leaves last removes the log.
TEST_F(DatabaseTest, AnotherConnectionThatComesAndGoesLeavesTheLocksInPlace) {
  Database one = std::move(open().value());
  ASSERT_TRUE(one.execute("INSERT INTO t(id, name) VALUES(1, 'x')").has_value());
  {
    Database two = std::move(open().value());
  }
  const pid_t other = ::fork();
  if (other == 0) {
    const bool read = open().has_value();  // and closed again
    ::_exit(read ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(fs::exists(path() + "-wal")) << "the other process took itself for the last one";
  ASSERT_TRUE(one.execute("INSERT INTO t(id, name) VALUES(2, 'y')").has_value());
  Database again = std::move(open().value());
  Statement count = std::move(again.prepare("SELECT count(*) FROM t").value());
  ASSERT_TRUE(count.step().value());
  EXPECT_EQ(count.number(0), 2);
}

TEST_F(DatabaseTest, ACheckpointCarriesTheLogOverWhileTheFileIsInUse) {
  std::vector<Migration> migrations{kFirst};
  Database database = std::move(Database::open({.path = path(), .checkpoints_on_commit = false}, migrations).value());
  ASSERT_TRUE(checkpoint(path()).has_value());
  uintmax_t before = fs::file_size(path());
  ASSERT_TRUE(database.execute("INSERT INTO t(id, name) VALUES(1, hex(zeroblob(50000)))").has_value());
  EXPECT_EQ(fs::file_size(path()), before);
  ASSERT_TRUE(checkpoint(path()).has_value());
  EXPECT_GE(fs::file_size(path()), before + 90'000);
  EXPECT_TRUE(database.execute("INSERT INTO t(id, name) VALUES(2, 'x')").has_value());
  EXPECT_FALSE(checkpoint(folder_ + "/nowhere.db").has_value());
  EXPECT_FALSE(fs::exists(folder_ + "/nowhere.db"));
}

TEST_F(DatabaseTest, MovingAsideTakesTheCompanionsAlong) {
  fs::create_directory(folder_ + "/state");
  std::ofstream(path()) << "bad";
  std::ofstream(path() + "-wal") << "log";
  Expected<std::string> aside = move_aside(path(), "1");
  ASSERT_TRUE(aside.has_value());
  EXPECT_EQ(*aside, path() + ".corrupt-1");
  EXPECT_TRUE(fs::exists(*aside));
  EXPECT_TRUE(fs::exists(*aside + "-wal"));
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_FALSE(fs::exists(path() + "-wal"));
  EXPECT_FALSE(move_aside(path(), "2").has_value());
}

}  // namespace
}  // namespace baton::store
