#include "base/secret.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace baton {
namespace {

// The line of /proc/self/smaps that begins with `field`, of the mapping that holds `address`.
std::string mapping_line(const void* address, const std::string& field) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) inside = from <= wanted && wanted < to;
    if (inside && line.starts_with(field)) return line;
  }
  return {};
}

TEST(SecretTest, ItsMemoryIsNeitherDumpedNorSwapped) {
  const Secret secret("sk-ant-a-canary-of-the-secret-test");
  const std::string flags = mapping_line(secret.reveal().data(), "VmFlags:") + " ";
  if (flags == " ") GTEST_SKIP() << "the kernel does not tell of its mappings here";
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;  // no dump
  EXPECT_NE(flags.find(" dc "), std::string::npos) << flags;  // no copy in a child
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  const bool locks = false;  // a sanitizer makes mlock() do nothing
#else
  const bool locks = secret_memory::unlocked_bytes() == 0;
#endif
  if (locks) {
    EXPECT_NE(flags.find(" lo "), std::string::npos) << flags;
  }
  EXPECT_GE(secret_memory::held_bytes(), secret_memory::kRegionBytes);
}

TEST(SecretTest, ItIsAValue) {
  for (const size_t size : {0u, 1u, 15u, 31u, 32u, 33u, 200u, 4096u, 4097u, 100'000u}) {
    const std::string text(size, 'k');
    Secret first{std::string(text)};
    EXPECT_EQ(first.reveal(), text);
    EXPECT_EQ(first.empty(), size == 0);
    Secret copy(first);
    EXPECT_EQ(copy.reveal(), text);
    Secret moved(std::move(first));
    EXPECT_EQ(moved.reveal(), text);
    Secret other("other");
    other = copy;
    EXPECT_EQ(other.reveal(), text);
    other = std::move(copy);
    EXPECT_EQ(other.reveal(), text);
    other = Secret();
    EXPECT_TRUE(other.empty());
  }
}

TEST(SecretTest, BytesAreWipedWhenItGoes) {
  const char* bytes = nullptr;
  {
    const Secret secret("wiped-0123456789-0123456789-0123456789-0123456789");
    bytes = secret.reveal().data();
    ASSERT_EQ(std::string_view(bytes, 5), "wiped");
  }
  // The block is kept for the next one; its first bytes link it to others.
  EXPECT_EQ(std::string_view(bytes + 8, 32), std::string(32, '\0'));
}

TEST(SecretTest, BlocksAreUsedAgainAndNoTwoOverlap) {
  std::vector<Secret> many;
  for (int round = 0; round < 3; ++round) {
    const size_t before = secret_memory::held_bytes();
    for (int i = 0; i < 2000; ++i) {
      many.emplace_back(std::string(static_cast<size_t>(i % 300 + 1), static_cast<char>('a' + i % 26)));
    }
    if (round > 0) EXPECT_EQ(secret_memory::held_bytes(), before);
    for (int i = 0; i < 2000; ++i) {
      ASSERT_EQ(many[static_cast<size_t>(i)].reveal(),
                std::string(static_cast<size_t>(i % 300 + 1), static_cast<char>('a' + i % 26)));
    }
    many.clear();
  }
}

}  // namespace
}  // namespace baton
