#include "config/value.h"

#include <gtest/gtest.h>

#include <clocale>

namespace baton::config {
namespace {

using namespace std::chrono_literals;

TEST(Value, Durations) {
  struct {
    std::string_view text;
    Duration want;
  } const cases[] = {{"250ms", 250ms}, {"10s", 10s}, {"15m", 15min}, {"24h", 24h}, {"0", 0s}, {"0s", 0s}, {"1ms", 1ms}};
  for (const auto& c : cases) {
    const auto got = parse_duration(c.text);
    ASSERT_TRUE(got.has_value()) << c.text << ": " << got.error();
    EXPECT_EQ(*got, c.want) << c.text;
  }
  struct {
    std::string_view text;
    std::string_view reason;  // a part of it
  } const refused[] = {
      {"30", "has no unit"},
      {"", "must be a duration"},
      {"s", "must be a duration"},
      {"-1s", "negative"},
      {"1.5s", "unit"},
      {"10 s", "unit"},
      {"10S", "unit"},
      {"10d", "unit \"d\""},
      {"32MB", "unit \"MB\""},
      {"1m30s", "unit"},
      {"010s", "begins with a zero"},
      {"+1s", "must be a duration"},
      {"nan", "must be a duration"},
      {"1e3s", "unit"},
      {"99999999999999999999s", "too large"},
      {"9223372036854775807s", "too large"},
      {"2562048h", "too large"},
  };
  for (const auto& c : refused) {
    const auto got = parse_duration(c.text);
    ASSERT_FALSE(got.has_value()) << c.text;
    EXPECT_NE(got.error().find(c.reason), std::string::npos) << c.text << ": " << got.error();
  }
  EXPECT_EQ(parse_duration("2562047h"), Duration(2562047h));
}

TEST(Value, Sizes) {
  struct {
    std::string_view text;
    uint64_t want;
  } const cases[] = {
      {"0", 0},           {"512B", 512},        {"256KB", 256'000}, {"32MB", 32'000'000}, {"1GB", 1'000'000'000},
      {"256KiB", 262144}, {"32MiB", 32 * kMiB}, {"1GiB", kGiB}};
  for (const auto& c : cases) EXPECT_EQ(parse_size(c.text), c.want) << c.text;
  struct {
    std::string_view text;
    std::string_view reason;
  } const refused[] = {
      {"32", "has no unit"}, {"32M", "unit \"M\""}, {"32mb", "unit"},         {"10s", "unit \"s\""},
      {"-1MB", "negative"},  {"1.5GB", "unit"},     {"MB", "must be a size"}, {"9223372036GiB", "too large"},
  };
  for (const auto& c : refused) {
    const auto got = parse_size(c.text);
    ASSERT_FALSE(got.has_value()) << c.text;
    EXPECT_NE(got.error().find(c.reason), std::string::npos) << c.text << ": " << got.error();
  }
}

TEST(Value, CountsSharesAndFlags) {
  EXPECT_EQ(parse_count("0"), 0u);
  EXPECT_EQ(parse_count("20000"), 20'000u);
  for (const std::string_view text :
       {"", "-1", "1.0", "0x10", "1_000", "1,000", "010", " 1", "many", "nan", "99999999999999999999"}) {
    EXPECT_FALSE(parse_count(text).has_value()) << text;
  }
  EXPECT_EQ(parse_share("0"), 0.0);
  EXPECT_EQ(parse_share("0.05"), 0.05);
  EXPECT_EQ(parse_share("1"), 1.0);
  for (const std::string_view text :
       {"", "1.01", "-0.1", "nan", "NaN", "inf", ".5", "0,5", "1e-1", "0x1p-1", "0.5 ", "+0.5", "50%"}) {
    EXPECT_FALSE(parse_share(text).has_value()) << text;
  }
  EXPECT_EQ(parse_bool("true"), true);
  EXPECT_EQ(parse_bool("false"), false);
  for (const std::string_view text : {"", "yes", "no", "on", "True", "1"})
    EXPECT_FALSE(parse_bool(text).has_value()) << text;
}

TEST(Value, TextsAreReadBackAsTheSame) {
  for (const Duration d :
       {Duration{0}, Duration(1ms), Duration(90s), Duration(2min), Duration(24h), Duration(1500ms)}) {
    EXPECT_EQ(parse_duration(duration_text(d)), d) << duration_text(d);
  }
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{500}, uint64_t{1000}, uint64_t{1024},
                              uint64_t{1'000'000}, uint64_t{kMiB}, uint64_t{32 * kMiB}, uint64_t{kGiB}}) {
    EXPECT_EQ(parse_size(size_text(size)), size) << size_text(size);
  }
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(900s), "15m");
  EXPECT_EQ(size_text(64 * kKiB), "64KiB");
  EXPECT_EQ(parse_share(share_text(0.05)), 0.05);
}

TEST(Value, TheLocaleChangesNothing) {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C.UTF-8"}) std::setlocale(LC_NUMERIC, name);
  EXPECT_EQ(parse_share("0.05"), 0.05);
  EXPECT_EQ(share_text(0.25), "0.25");
  std::setlocale(LC_NUMERIC, before.c_str());
}

TEST(Value, ListenAddresses) {
  struct {
    std::string_view text;
    std::string_view address;
    uint16_t port;
  } const cases[] = {
      {"127.0.0.1:8787", "127.0.0.1", 8787}, {"0.0.0.0:1", "0.0.0.0", 1},
      {"[::1]:65535", "::1", 65535},         {"[::]:8787", "::", 8787},
      {"localhost:80", "127.0.0.1", 80},
  };
  for (const auto& c : cases) {
    const auto got = parse_listen_address(c.text, PortZero::kRefused);
    ASSERT_TRUE(got.has_value()) << c.text << ": " << got.error();
    EXPECT_EQ(got->address, c.address);
    EXPECT_EQ(got->port, c.port);
  }
  for (const std::string_view text : {"",
                                      "8787",
                                      ":8787",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:70000",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:080",
                                      "127.0.0.1:http",
                                      "::1:8787",
                                      "[::1]",
                                      "[127.0.0.1]:80",
                                      "[::1:80",
                                      "example.com:80",
                                      "127.1:80",
                                      "*:80",
                                      "127.0.0.1:80 ",
                                      "http://127.0.0.1:80",
                                      "[]:80"}) {
    EXPECT_FALSE(parse_listen_address(text, PortZero::kRefused).has_value()) << text;
  }
  EXPECT_EQ(parse_listen_address("127.0.0.1:0", PortZero::kAllowed)->port, 0);
}

}  // namespace
}  // namespace baton::config
