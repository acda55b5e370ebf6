#include "sim/control.h"

#include <gtest/gtest.h>

namespace baton::sim {
namespace {

TEST(Control, IsReadByItsGrammar) {
  struct Row {
    std::string name;
    std::string header;
    void (*check)(const Control&);
  };
  const Row rows[] = {
      {"empty asks for nothing", "", [](const Control& c) { EXPECT_TRUE(c.plain()); }},
      {"status with its fields", "status=429;retry_after=2;error_code=enforced_spend_limit_reached",
       [](const Control& c) {
         EXPECT_EQ(c.status, 429);
         EXPECT_EQ(c.retry_after_s, 2);
         EXPECT_EQ(c.error_code, "enforced_spend_limit_reached");
       }},
      {"fault at a byte, with blanks", " fault=reset ; at=1234 ;",
       [](const Control& c) {
         EXPECT_EQ(c.fault, Fault::kReset);
         EXPECT_EQ(c.at, 1'234u);
         EXPECT_FALSE(c.plain());
       }},
      {"times with units and without", "delay=5;first_token=2s;per_token=250us;gap=7ms",
       [](const Control& c) {
         EXPECT_EQ(c.delay, std::chrono::milliseconds(5));
         EXPECT_EQ(c.first_token, std::chrono::seconds(2));
         EXPECT_EQ(c.per_token, std::chrono::microseconds(250));
         EXPECT_EQ(c.gap, std::chrono::milliseconds(7));
         EXPECT_TRUE(c.plain());
       }},
      {"shape of the bytes", "framing=crlf;encoding=br;chunk=1",
       [](const Control& c) {
         EXPECT_EQ(c.framing, SseFraming::kCrlf);
         EXPECT_EQ(c.coding, ReplyCoding::kBrotli);
         EXPECT_EQ(c.chunk, 1u);
       }},
      {"the first rule that is meant", "key=other;status=500,status=529,status=400",
       [](const Control& c) { EXPECT_EQ(c.status, 529); }},
      {"a rule for this key", "key=sk-a;tokens=7", [](const Control& c) { EXPECT_EQ(c.tokens, 7u); }},
      {"none is meant", "key=other;status=500", [](const Control& c) { EXPECT_EQ(c.status, 0); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    auto control = read_control(row.header, "sk-a");
    ASSERT_TRUE(control.has_value()) << control.error().message;
    row.check(*control);
  }
}

TEST(Control, RefusesWhatItDoesNotUnderstand) {
  for (const char* header : {"fault=maybe", "status=200", "status=1000", "at=-1", "at=x", "delay=1h", "chunk=",
                             "unknown=1", "fault", "tokens=99999999999", "encoding=deflate", "key=other;nonsense=1"}) {
    auto control = read_control(header, "sk-a");
    ASSERT_FALSE(control.has_value()) << header;
    EXPECT_EQ(control.error().status, 400);
    EXPECT_TRUE(control.error().message.starts_with("baton-sim: '")) << control.error().message;
  }
}

TEST(Control, AMixLeavesWhatWasAskedForAlone) {
  runtime::Random random(1);
  Control asked;
  asked.status = 400;
  draw_errors({.overloaded = 1}, random, asked);
  EXPECT_EQ(asked.status, 400);
  Control drawn;
  draw_errors({.overloaded = 1}, random, drawn);
  EXPECT_EQ(drawn.status, 529);
  Control none;
  for (int i = 0; i < 1'000; ++i) draw_errors({}, random, none);
  EXPECT_TRUE(none.plain());
  EXPECT_EQ(none.status, 0);
}

}  // namespace
}  // namespace baton::sim
