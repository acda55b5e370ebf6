// TraceContext: which trace a call belongs to, and the ids of its spans. Traceparent fields are read strictly; what is
// malformed is as good as none. Thread: any; pure. Bounds: 55 characters written, at most 255 read.
// Source: W3C Trace Context, Recommendation of 2021-11-23.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace baton::model {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

struct TraceContext {
  TraceId trace{};  // all zeros: the call is in no trace
  SpanId span{};    // of the call
  SpanId parent{};  // of the caller; zeros: the call begins its trace
  bool sampled = false;

  bool any() const { return trace != TraceId{}; }
};

struct TraceParent {
  TraceId trace{};
  SpanId span{};
  bool sampled = false;
};

// What a traceparent field says, or nothing.
std::optional<TraceParent> parse_traceparent(std::string_view text);
std::string traceparent(const TraceId& trace, const SpanId& span, bool sampled);

// The span of a part of the call: each number, from 1 on, has its own, always the same.
SpanId span_of_part(const TraceContext& context, uint64_t number);

// Which calls are traced.
struct TraceRules {
  double sample = 0;       // share of the calls that begin a trace; others follow their caller
  bool propagate = false;  // the vendor gets the span of its attempt as traceparent
};

// `chance` in [0, 1) and `bits` decide what no caller has; `traceparents` is how many fields the request has.
TraceContext begin_trace(std::string_view traceparent_field, int traceparents, const TraceRules& rules, double chance,
                         const std::array<uint64_t, 3>& bits);

}  // namespace baton::model
