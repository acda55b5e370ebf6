#include "trace/spans.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "http/json.h"
#include "model/trace_context.h"

namespace baton::trace {
namespace {

using model::Attempt;
using model::Operation;
using model::Outcome;

enum class Kind { kInternal = 1, kServer = 2, kClient = 3 };

// Opens with its constructor, closes with end().
class SpanWriter {
 public:
  SpanWriter(std::string& out, const model::TraceId& trace, const model::SpanId& span, const model::SpanId& parent)
      : out_(out) {
    out_ += R"({"traceId":")" + hex(trace) + R"(","spanId":")" + hex(span) + '"';
    if (parent != model::SpanId{}) out_ += R"(,"parentSpanId":")" + hex(parent) + '"';
  }
  void head(std::string_view name, Kind kind, int64_t start_ns, Duration length) {
    out_ += R"(,"name":)";
    http::append_json_string(out_, name);
    out_ += R"(,"kind":)" + std::to_string(static_cast<int>(kind)) + R"(,"startTimeUnixNano":")" +
            std::to_string(start_ns) + R"(","endTimeUnixNano":")" +
            std::to_string(start_ns + std::max(length, Duration{0}).count()) + R"(","attributes":[)";
  }
  // Empty texts and numbers below 0 are not known.
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    open(key);
    out_ += R"("stringValue":)";
    http::append_json_string(out_, value);
    out_ += "}}";
  }
  void number(std::string_view key, int64_t value) {
    if (value < 0) return;
    open(key);
    out_ += R"("intValue":")" + std::to_string(value) + "\"}}";
  }
  void flag(std::string_view key, bool value) {
    open(key);
    out_ += std::string(R"("boolValue":)") + (value ? "true" : "false") + "}}";
  }
  void end(bool failed) { out_ += std::string(R"(],"status":{)") + (failed ? R"("code":2)" : "") + "}}"; }

 private:
  void open(std::string_view key) {
    if (!std::exchange(first_, false)) out_ += ',';
    out_ += R"({"key":)";
    http::append_json_string(out_, key);
    out_ += R"(,"value":{)";
  }
  std::string& out_;
  bool first_ = true;
};

std::string_view operation_name(Operation operation) {
  return operation == Operation::kMessages ? std::string_view("chat") : model::name(operation);
}

std::string span_name(const Outcome& call) {
  std::string out(operation_name(call.operation));
  if (!call.model.empty()) out.append(" ").append(call.model);
  return out;
}

void usage(SpanWriter& span, const model::Usage& usage) {
  if (!usage.known) return;
  // The conventions count what was read from and written to the prompt cache as input.
  span.number("gen_ai.usage.input_tokens",
              usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens);
  span.number("gen_ai.usage.output_tokens", usage.output_tokens);
  span.number("gen_ai.usage.cache_read.input_tokens", usage.cache_read_input_tokens);
  span.number("gen_ai.usage.cache_creation.input_tokens", usage.cache_creation_input_tokens);
}

void asked(SpanWriter& span, const Outcome& call) {
  span.text("gen_ai.operation.name", operation_name(call.operation));
  span.text("gen_ai.provider.name", "anthropic");
  span.text("gen_ai.request.model", call.model);
}

void append_call(std::string& out, const Outcome& call, int64_t start_ns) {
  const Attempt* last = call.attempts.empty() ? nullptr : &call.attempts.back();
  SpanWriter span(out, call.trace.trace, call.trace.span, call.trace.parent);
  span.head(span_name(call), Kind::kServer, start_ns, call.duration);
  asked(span, call);
  if (last != nullptr) {
    span.text("gen_ai.response.model", last->model);
    span.text("server.address", last->server);
  }
  usage(span, call.usage);
  span.text("gen_ai.conversation.id", call.session_id);
  span.text("http.request.method", call.method);
  span.text("url.path", call.path);
  if (call.status > 0) span.number("http.response.status_code", call.status);
  span.text("baton.request_id", call.request_id);
  span.text("baton.upstream_request_id", call.upstream_request_id);
  span.text("baton.client", call.client);
  span.text("baton.team", call.team);
  span.text("baton.tags", call.tags);
  span.text("baton.ending", model::name(call.ending));
  span.text("baton.cache", call.cache == model::CacheUse::kNone ? std::string_view{} : model::name(call.cache));
  span.flag("baton.stream", call.stream);
  span.number("baton.attempts", static_cast<int64_t>(call.attempts.size()));
  if (call.first_byte > Duration{0}) {
    span.number("baton.first_byte_us", call.first_byte.count() / 1000);
    span.number("baton.added_us", call.added.count() / 1000);
  }
  const bool failed = !call.error.empty() || call.status >= 500 ||
                      (call.ending != model::Ending::kComplete && call.ending != model::Ending::kClientGone);
  if (failed) span.text("error.type", !call.error.empty() ? call.error : std::to_string(call.status));
  // What a client did wrong is no failure of this server (HTTP conventions).
  span.end(failed && (call.status >= 500 || call.status == 0 || call.ending != model::Ending::kRefusedByUs));
}

void append_attempt(std::string& out, const Outcome& call, size_t index, int64_t start_ns) {
  const Attempt& attempt = call.attempts[index];
  SpanWriter span(out, call.trace.trace, model::span_of_part(call.trace, index + 1), call.trace.span);
  span.head(span_name(call), Kind::kClient, start_ns + attempt.began.count(), attempt.total);
  asked(span, call);
  span.text("gen_ai.response.model", attempt.model);
  usage(span, attempt.usage);
  span.text("server.address", attempt.server);
  if (attempt.status > 0) span.number("http.response.status_code", attempt.status);
  if (index > 0) span.number("http.request.resend_count", static_cast<int64_t>(index));
  span.text("baton.account", attempt.account);
  span.flag("baton.reused_connection", attempt.reused_connection);
  const bool good = attempt.result == model::AttemptResult::kOk;
  if (!good) span.text("error.type", model::name(attempt.result));
  span.end(!good);
}

void append_wait(std::string& out, const Outcome& call, size_t index, int64_t start_ns) {
  const model::Wait& wait = call.waits[index];
  SpanWriter span(out, call.trace.trace, model::span_of_part(call.trace, model::kAttemptsMax + index + 1),
                  call.trace.span);
  span.head("wait for an account", Kind::kInternal, start_ns + wait.began.count(), wait.took);
  span.flag("baton.served", wait.served);
  span.end(!wait.served);
}

void append_resource(std::string& out, const Service& service) {
  const std::pair<std::string_view, std::string_view> facts[] = {
      {"service.name", "baton"}, {"service.version", service.version}, {"service.instance.id", service.instance}};
  out += R"({"resource":{"attributes":[)";
  for (const auto& [key, value] : facts) {
    if (&key != &facts[0].first) out += ',';
    out += R"({"key":)";
    http::append_json_string(out, key);
    out += R"(,"value":{"stringValue":)";
    http::append_json_string(out, value);
    out += "}}";
  }
  out += "]}";
}

}  // namespace

std::string export_body(std::span<const Outcome> calls, const Service& service) {
  std::string out = R"({"resourceSpans":[)";
  append_resource(out, service);
  out += R"(,"scopeSpans":[{"scope":{"name":"baton","version":)";
  http::append_json_string(out, service.version);
  out += R"(},"spans":[)";
  bool first = true;
  const auto next = [&] {
    if (!std::exchange(first, false)) out += ',';
  };
  for (const Outcome& call : calls) {
    const int64_t start_ns = std::chrono::duration_cast<Duration>(call.started.time_since_epoch()).count();
    next();
    append_call(out, call, start_ns);
    for (size_t i = 0; i < call.waits.size(); ++i) {
      next();
      append_wait(out, call, i, start_ns);
    }
    for (size_t i = 0; i < call.attempts.size(); ++i) {
      next();
      append_attempt(out, call, i, start_ns);
    }
  }
  return out + "]}]}]}";
}

}  // namespace baton::trace
