// Spans: what a call was, as OTLP tells it: one span for the call with the GenAI attributes, one below it for each wait
// in the queue and each attempt. Nothing of a body and no credential is in it.
// Life: pure. Thread: any. Bounds: linear in the attempts; texts are those of the Outcome, cut there.
// Source: OTLP 1.3 (JSON), OpenTelemetry semantic conventions for GenAI spans and for HTTP (read 2026-11).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "model/outcome.h"

namespace baton::trace {

struct Service {
  std::string_view version;
  std::string_view instance;  // of this process
};

// The body of one export.
std::string export_body(std::span<const model::Outcome> calls, const Service& service);

}  // namespace baton::trace
