#include "app/pool_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace baton::app {
namespace {

using namespace std::chrono_literals;

class PoolFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "baton-pool-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const char* account : {"a", "b"}) config_.accounts.emplace_back().name = account;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/pool.jsonl"; }
  std::unique_ptr<accounts::AccountPool> pool() { return std::make_unique<accounts::AccountPool>(config_, clock_); }

  std::string folder_;
  accounts::Config config_;
  runtime::VirtualClock clock_;
};

TEST_F(PoolFileTest, KeepsAParkOverARestart) {
  auto before = pool();
  PoolFile file(folder_);
  EXPECT_EQ(file.restore(*before, clock_), "") << "no file is nothing to say";
  before->set_duty(1, accounts::Duty::kParked, "spare", clock_.now());
  EXPECT_EQ(file.keep(*before, clock_.now(), true), "");
  struct stat facts{};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  clock_.advance(1h);
  auto after = pool();
  EXPECT_TRUE(PoolFile(folder_).restore(*after, clock_).starts_with("1 of the accounts stay out of use"));
  EXPECT_EQ(after->duty(1), accounts::Duty::kParked);
}

TEST_F(PoolFileTest, WritesWhenSomethingChangedAndNotOftener) {
  auto known = pool();
  PoolFile file(folder_);
  EXPECT_EQ(file.keep(*known, clock_.now()), "");
  ASSERT_TRUE(std::filesystem::remove(path()));
  clock_.advance(PoolFile::kEvery);
  EXPECT_EQ(file.keep(*known, clock_.now()), "");
  EXPECT_FALSE(std::filesystem::exists(path())) << "nothing has changed";
  known->set_duty(0, accounts::Duty::kDraining, "", clock_.now());
  EXPECT_EQ(file.keep(*known, clock_.now()), "");
  EXPECT_FALSE(std::filesystem::exists(path())) << "not yet";
  clock_.advance(PoolFile::kEvery);
  EXPECT_EQ(file.keep(*known, clock_.now()), "");
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(PoolFileTest, WhatIsBrokenOrTooOldIsSaidAndForgotten) {
  auto before = pool();
  before->set_duty(1, accounts::Duty::kParked, "", clock_.now());
  PoolFile(folder_).keep(*before, clock_.now(), true);
  std::string text;
  {
    std::ifstream in(path());
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (const std::string& broken : {std::string(), text.substr(0, text.size() / 2), std::string(100'000, '\xff')}) {
    std::ofstream(path(), std::ios::trunc) << broken;
    auto after = pool();
    EXPECT_TRUE(
        PoolFile(folder_).restore(*after, clock_).starts_with("what was known of the accounts is not taken over"));
    EXPECT_EQ(after->duty(1), accounts::Duty::kOn);
  }
  std::ofstream(path(), std::ios::trunc) << text;
  clock_.advance(PoolFile::kAgeMax + 1h);
  auto after = pool();
  EXPECT_NE(PoolFile(folder_).restore(*after, clock_).find("more than a month old"), std::string::npos);
  EXPECT_EQ(after->duty(1), accounts::Duty::kOn);
}

TEST_F(PoolFileTest, AFolderThatCannotBeWrittenIsSaid) {
  auto known = pool();
  EXPECT_NE(PoolFile(folder_ + "/missing").keep(*known, clock_.now(), true), "");
}

}  // namespace
}  // namespace baton::app
