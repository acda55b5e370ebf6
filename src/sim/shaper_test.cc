#include "sim/shaper.h"

#include <gtest/gtest.h>

#include "sim/testing.h"

namespace baton::sim {
namespace {

using namespace testing;
using What = Shaper::What;

struct Shaped {
  std::string content;
  What end = What::kEnd;
  size_t writes = 0;
  size_t largest = 0;
  Duration last{0};
};

Shaped shape(const std::string& control, bool stream = true) {
  Bench bench;
  Reply reply = bench.ask(
      Call{.body = hello(stream ? R"(,"stream":true)" : ""), .control = control + ";first_token=0;per_token=0"});
  EXPECT_EQ(reply.status, 200) << reply.content;
  Shaper shaper(
      {.control = reply.control, .source = *reply.source, .stream = reply.stream, .request_id = reply.request_id});
  Shaped out;
  std::string bytes;
  for (;;) {
    auto step = shaper.next(bytes);
    EXPECT_GE(step.due, out.last);
    out.last = step.due;
    out.end = step.what;
    if (step.what != What::kWrite) return out;
    EXPECT_FALSE(bytes.empty());
    out.content += bytes;
    out.writes++;
    out.largest = std::max(out.largest, bytes.size());
  }
}

TEST(Shaper, FaultsStrikeAtTheirByte) {
  std::string whole = shape("").content;
  struct Row {
    std::string fault;
    What end;
  };
  for (const Row& row : {Row{"reset", What::kReset}, Row{"close", What::kClose}, Row{"stall", What::kStall},
                         Row{"garbage_chunk", What::kGarbage}}) {
    for (size_t at : {size_t{0}, size_t{1}, size_t{700}, whole.size() - 1, whole.size(), whole.size() + 100}) {
      SCOPED_TRACE(row.fault + " " + std::to_string(at));
      Shaped cut = shape("fault=" + row.fault + ";at=" + std::to_string(at));
      EXPECT_EQ(cut.end, row.end);
      EXPECT_EQ(cut.content, whole.substr(0, at));
    }
    EXPECT_EQ(shape("fault=" + row.fault).content.size(), kFaultAtDefault);
  }
}

TEST(Shaper, EventFaultsComeBetweenEvents) {
  std::string whole = shape("").content;
  Shaped early = shape("fault=early_error");
  auto events = events_of(early.content);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].name, "message_start");
  EXPECT_EQ(events[1].name, "ping");
  EXPECT_EQ(events[2].name, "error");
  EXPECT_EQ(text_at(events[2].data, "error.type"), "overloaded_error");
  EXPECT_TRUE(text_at(events[2].data, "request_id").starts_with("req_"));
  EXPECT_EQ(early.end, What::kEnd);

  EXPECT_EQ(events_of(shape("fault=error_event;at=0").content).at(0).name, "error");
  for (size_t at : {size_t{1}, size_t{900}, whole.size() * 2}) {
    Shaped middle = shape("fault=error_event;at=" + std::to_string(at));
    auto seen = events_of(middle.content);
    EXPECT_EQ(seen.back().name, "error");
    EXPECT_NE(seen.at(seen.size() - 2).name, "message_stop");
    size_t before = middle.content.find("event: error");
    EXPECT_EQ(middle.content.substr(0, before), whole.substr(0, before));
  }

  auto unstopped = events_of(shape("fault=no_stop").content);
  EXPECT_EQ(unstopped.back().name, "message_delta");
  EXPECT_EQ(events_of(shape("fault=no_stop;at=1").content).size(), 1u);
}

TEST(Shaper, PiecesHaveTheirSizeAndTheirGaps) {
  std::string whole = shape("").content;
  Shaped chunked = shape("chunk=7;gap=2ms");
  EXPECT_EQ(chunked.content, whole);
  EXPECT_EQ(chunked.largest, 7u);
  EXPECT_EQ(chunked.last, std::chrono::milliseconds(2) * static_cast<int64_t>(chunked.writes));
  Shaped slow = shape("fault=slow;at=1000");
  EXPECT_EQ(slow.content, whole);
  EXPECT_EQ(slow.end, What::kEnd);
  EXPECT_EQ(slow.last, kSlowGapDefault * static_cast<int64_t>(whole.size() - 1'000));
}

TEST(Shaper, FramingsAreTheSameEvents) {
  std::string whole = shape("").content;
  auto replaced = [](std::string text, std::string_view from, std::string_view to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
    return text;
  };
  EXPECT_EQ(shape("framing=crlf").content, replaced(whole, "\n", "\r\n"));
  EXPECT_EQ(shape("framing=cr").content, replaced(whole, "\n", "\r"));
  EXPECT_EQ(shape("framing=nospace").content, replaced(replaced(whole, "event: ", "event:"), "data: ", "data:"));
  std::string commented = shape("framing=comments").content;
  for (std::string_view extra : {": comment\n", ":\nid: 1\nretry: 1000\n"}) commented = replaced(commented, extra, "");
  EXPECT_EQ(commented, whole);
}

TEST(Shaper, AFaultInAWholeReplyLeavesSomethingOut) {
  Bench bench;
  Reply whole = bench.ask(hello());
  for (const char* control : {"fault=reset", "fault=reset;at=999999"}) {
    Reply reply = bench.ask(Call{.body = hello(), .control = control});
    ASSERT_TRUE(reply.control.at.has_value());
    EXPECT_LT(reply.control.at.value_or(0), reply.content.size());
  }
}

}  // namespace
}  // namespace baton::sim
