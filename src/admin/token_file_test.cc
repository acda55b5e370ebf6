#include "admin/token_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace baton::admin {
namespace {

class TokenFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "baton-token-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/admin.token"; }
  std::string folder_;
};

TEST_F(TokenFileTest, IsMadeOnceForItsOwnerOnly) {
  EXPECT_FALSE(read_token(folder_));
  auto first = open_token(folder_);
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_TRUE(first->made);
  EXPECT_TRUE(first->token.reveal().starts_with("ba-"));
  EXPECT_EQ(first->token.reveal().size(), 67u);
  struct stat facts{};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  auto second = open_token(folder_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->made);
  EXPECT_EQ(second->token.reveal(), first->token.reveal());
  EXPECT_EQ(read_token(folder_)->reveal(), first->token.reveal());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "nothing is left beside it";
}

TEST_F(TokenFileTest, TheFolderIsMadeToo) {
  auto first = open_token(folder_ + "/deeper/still");
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_TRUE(first->made);
}

TEST_F(TokenFileTest, WhatOthersMayReadOrIsNoTokenIsRefused) {
  struct {
    const char* name;
    std::string text;
    unsigned mode;
  } const cases[] = {
      {"readable by others", std::string(64, 'a'), 0644},
      {"readable by the group", std::string(64, 'a'), 0640},
      {"empty", "", 0600},
      {"short", "changeme\n", 0600},
      {"long", std::string(2000, 'a'), 0600},
  };
  for (const auto& c : cases) {
    std::ofstream(path(), std::ios::trunc) << c.text;
    ASSERT_EQ(::chmod(path().c_str(), c.mode), 0);
    auto opened = open_token(folder_);
    ASSERT_FALSE(opened) << c.name;
    EXPECT_EQ(opened.error().code, ErrorCode::kConfig);
    EXPECT_TRUE(opened.error().detail.starts_with(path() + ": ")) << opened.error().detail;
    if (!c.text.empty()) EXPECT_EQ(opened.error().detail.find(c.text.substr(0, 8)), std::string::npos) << c.name;
  }
}

TEST_F(TokenFileTest, ALinkIsNotFollowed) {
  std::ofstream(folder_ + "/elsewhere") << std::string(64, 'a');
  ASSERT_EQ(::chmod((folder_ + "/elsewhere").c_str(), 0600), 0);
  std::filesystem::create_symlink(folder_ + "/elsewhere", path());
  EXPECT_FALSE(open_token(folder_));
}

}  // namespace
}  // namespace baton::admin
