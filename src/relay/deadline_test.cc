#include "relay/deadline.h"

#include <gtest/gtest.h>

namespace baton::relay {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, a_wait_is_a_number_with_a_unit) {
  struct Row {
    const char* text;
    std::optional<Duration> want;
  };
  const Row rows[] = {
      {"30s", 30s},          {"500ms", 500ms},      {"2m", 2min},          {"1h", 1h},
      {"600", 600s},         {"1.5s", 1500ms},      {"0.25", 250ms},       {"24h", 24h},
      {"25h", std::nullopt}, {"0", std::nullopt},   {"", std::nullopt},    {"-1s", std::nullopt},
      {"s", std::nullopt},   {"1.s", std::nullopt}, {"1e3", std::nullopt}, {"99999999999999999999", std::nullopt}};
  for (const Row& row : rows) EXPECT_EQ(read_wait(row.text), row.want) << row.text;
}

TEST(Deadline, batons_own_field_comes_before_the_sdks) {
  auto patience = [](std::string fields) {
    const std::string text = "POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + fields + "\r\n";
    http::RequestHead head;
    http::HeadError error;
    size_t scanned = 0;
    EXPECT_EQ(http::parse_request(text, scanned, {}, head, error), http::ParseStatus::kDone);
    return client_patience(head);
  };
  EXPECT_EQ(patience(""), std::nullopt);
  EXPECT_EQ(patience("x-stainless-timeout: 600\r\n"), Duration(600s));
  EXPECT_EQ(patience("x-stainless-timeout: 600\r\nbaton-deadline: 30s\r\n"), Duration(30s));
  EXPECT_EQ(patience("x-stainless-timeout: 600\r\nbaton-deadline: soon\r\n"), Duration(600s));
}

}  // namespace
}  // namespace baton::relay
