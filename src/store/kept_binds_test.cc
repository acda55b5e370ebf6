#include "store/kept_binds.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace baton::store {
namespace {

TEST(KeptBinds, RowsThatAreHalfTheSameAreWrittenAsTheyAre) {
  std::string folder = testing::TempDir() + "kept-binds-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  constexpr Migration kMigrations[] = {"CREATE TABLE rows(a TEXT NOT NULL, b INTEGER, c TEXT NOT NULL)"};
  {
    auto database = Database::open({.path = folder + "/rows.db"}, kMigrations);
    ASSERT_TRUE(database);
    auto insert = database->prepare("INSERT INTO rows VALUES(?1, ?2, ?3)");
    ASSERT_TRUE(insert);
    struct {
      std::string a;
      std::optional<int64_t> b;
      std::string c;
    } const rows[] = {{"x", 1, "same"},
                      {"x", 1, "same"},
                      {"y", std::nullopt, "same"},
                      {"y", std::nullopt, ""},
                      {"", 0, ""},
                      {"", 0, "x"},
                      {"x", 7, "a text that is longer than a short one is"},
                      {"x", 7, "another"},
                      {"x", -7, "another"}};
    KeptBinds kept;
    for (const auto& row : rows) {
      kept.begin();
      kept.text(*insert, std::string(row.a));  // gone before the insert runs
      kept.number(*insert, row.b);
      kept.text(*insert, std::string(row.c));
      ASSERT_TRUE(insert->run());
    }
    auto read = database->prepare("SELECT a, b, c FROM rows ORDER BY rowid");
    ASSERT_TRUE(read);
    for (const auto& row : rows) {
      ASSERT_TRUE(*read->step());
      EXPECT_EQ(read->text(0), row.a);
      EXPECT_EQ(read->number_or_null(1), row.b);
      EXPECT_EQ(read->text(2), row.c);
    }
    EXPECT_FALSE(*read->step());
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace baton::store
