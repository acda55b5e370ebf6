#include "model/trace_context.h"

#include <gtest/gtest.h>

#include <set>

namespace baton::model {
namespace {

constexpr std::string_view kField = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceParentField, IsReadAndWritten) {
  const auto parent = parse_traceparent(kField);
  ASSERT_TRUE(parent);
  EXPECT_TRUE(parent->sampled);
  EXPECT_EQ(traceparent(parent->trace, parent->span, parent->sampled), kField);
  EXPECT_FALSE(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->sampled);
  EXPECT_TRUE(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff")->sampled);
  EXPECT_TRUE(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-will-be"));
}

TEST(TraceParentField, WhatIsMalformedIsNone) {
  for (const std::string_view text : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                                      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                      "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                      "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
                                      "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
                                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-101"}) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
  EXPECT_FALSE(parse_traceparent("cc" + std::string(kField.substr(2)) + "-" + std::string(300, 'x')));
}

TEST(TraceContext, FollowsItsCallerAndElseChance) {
  const TraceRules rules{.sample = 0.25};
  const TraceContext child = begin_trace(kField, 1, rules, 0.99, {7, 8, 9});
  EXPECT_TRUE(child.sampled);
  EXPECT_EQ(traceparent(child.trace, child.parent, true), kField);
  EXPECT_NE(child.span, child.parent);
  EXPECT_FALSE(
      begin_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", 1, {.sample = 1}, 0, {7, 8, 9}).sampled);
  for (const auto& [field, count] : {std::pair{"", 0}, {"nonsense", 1}, {kField.data(), 2}}) {
    const TraceContext root = begin_trace(field, count, rules, 0.24, {7, 8, 9});
    EXPECT_TRUE(root.sampled);
    EXPECT_TRUE(root.any());
    EXPECT_EQ(root.parent, SpanId{});
    EXPECT_FALSE(begin_trace(field, count, rules, 0.25, {7, 8, 9}).sampled);
  }
  EXPECT_NE(begin_trace("", 0, rules, 0, {0, 0, 0}).span, SpanId{}) << "zeros mean none";
  EXPECT_TRUE(begin_trace("", 0, rules, 0, {0, 0, 0}).any());
}

TEST(TraceContext, PartsHaveSpansOfTheirOwn) {
  const TraceContext call = begin_trace(kField, 1, {}, 0, {7, 8, 9});
  std::set<SpanId> spans{call.span, call.parent, SpanId{}};
  for (uint64_t i = 1; i <= 40; ++i) EXPECT_TRUE(spans.insert(span_of_part(call, i)).second);
  EXPECT_EQ(span_of_part(call, 3), span_of_part(call, 3));
}

}  // namespace
}  // namespace baton::model
