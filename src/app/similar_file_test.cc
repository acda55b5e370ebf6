#include "app/similar_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace baton::app {
namespace {

class SimilarFileTest : public testing::Test {
 protected:
  SimilarFileTest() { std::filesystem::create_directories(folder_); }
  ~SimilarFileTest() override { std::filesystem::remove_all(folder_); }

  // A scope in which so many answers were right.
  void learn(int answers) {
    const similar::Name scope{.key = {.low = 1, .high = 2}};
    memory_.add(scope, *memory_.read("How do I repair a chair?"), scope);
    const auto found = memory_.look(scope, *memory_.read("how do i repair a chair"), {similar::Mode::kOn, 0.2}, 1, {});
    for (int i = 0; i < answers; ++i) memory_.learn(scope, found, true, 0.2, {});
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("baton_similar_file_" + std::to_string(::getpid()))).string();
  const std::string path_ = folder_ + "/similar.state";
  runtime::VirtualClock clock_;
  similar::Memory memory_{{.rules = {{.mode = "on"}}}, similar::built_in_weights()};
};

TEST_F(SimilarFileTest, what_was_learnt_comes_back_and_is_written_only_when_it_changed) {
  SimilarFile file(folder_);
  EXPECT_EQ(file.restore(memory_, clock_), "") << "there is none";
  learn(5);
  EXPECT_EQ(file.keep(memory_, clock_), "");
  struct stat seen{};
  ASSERT_EQ(::stat(path_.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0600u);
  std::filesystem::remove(path_);
  EXPECT_EQ(file.keep(memory_, clock_, true), "");
  EXPECT_FALSE(std::filesystem::exists(path_)) << "nothing has changed";
  learn(1);
  EXPECT_EQ(file.keep(memory_, clock_), "");
  EXPECT_FALSE(std::filesystem::exists(path_)) << "a minute has not passed";
  EXPECT_EQ(file.keep(memory_, clock_, true), "");
  similar::Memory after({.rules = {{.mode = "on"}}}, similar::built_in_weights());
  EXPECT_EQ(SimilarFile(folder_).restore(after, clock_), "what similarity had learnt of 1 scopes is known again");
}

TEST_F(SimilarFileTest, a_file_that_cannot_be_used_costs_what_it_held) {
  std::ofstream(path_) << "something else";
  EXPECT_EQ(SimilarFile(folder_).restore(memory_, clock_),
            "what similarity had learnt is not taken over, it begins anew: " + path_ +
                ": it is no such file, or of another form");
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/etc/passwd", path_);
  EXPECT_NE(SimilarFile(folder_).restore(memory_, clock_), "");
  learn(1);
  std::filesystem::remove_all(folder_);
  EXPECT_NE(SimilarFile(folder_).keep(memory_, clock_), "");
}

}  // namespace
}  // namespace baton::app
