#include "admin/call_json.h"

namespace baton::admin {

namespace {

struct Tokens {
  int64_t input, output, cache_read, cache_write;
};

void write_tokens(JsonWriter& json, const Tokens& tokens) {
  json.key("tokens").begin_object().field("input", tokens.input).field("output", tokens.output);
  json.field("cache_read", tokens.cache_read).field("cache_write", tokens.cache_write).end_object();
}

JsonWriter& text_or_null(JsonWriter& json, std::string_view name, std::string_view value) {
  json.key(name);
  return value.empty() ? json.null() : json.text(value);
}

}  // namespace

void write_call(JsonWriter& json, const ledger::BookedCall& call, std::string_view cache) {
  json.key("seq");
  if (call.seq > 0) {
    json.number(call.seq);
  } else {
    json.null();
  }
  json.field("id", call.id).field("time", call.started).field("key", call.key).field("team", call.team);
  json.field("model", call.model).field("operation", call.operation).field("status", call.status);
  json.field("ending", call.ending).field("error", call.error).field("stream", call.stream);
  json.field("simulated", call.simulated).ms_field("duration_ms", call.duration);
  json.ms_field("first_byte_ms", call.first_byte).ms_field("added_ms", call.added);
  json.dollars_field("cost", call.cost);
  write_tokens(json, {call.input_tokens, call.output_tokens, call.cache_read_tokens, call.cache_write_tokens});
  text_or_null(json, "cache", cache);
}

void write_attempt(JsonWriter& json, const ledger::BookedAttempt& attempt) {
  json.begin_object().field("account", attempt.account).field("model", attempt.model).field("result", attempt.result);
  json.field("status", attempt.status).field("may_have_been_processed", attempt.may_have_been_processed);
  json.ms_field("first_byte_ms", attempt.first_byte).ms_field("total_ms", attempt.total);
  json.dollars_field("cost", attempt.cost);
  write_tokens(json,
               {attempt.input_tokens, attempt.output_tokens, attempt.cache_read_tokens, attempt.cache_write_tokens});
  json.end_object();
}

ledger::BookedCall booked(const model::Outcome& outcome) {
  ledger::BookedCall call;
  call.id = outcome.request_id;
  call.started = outcome.started;
  call.duration = outcome.duration;
  call.first_byte = outcome.first_byte;
  call.added = outcome.added;
  call.key = outcome.client;
  call.team = outcome.team;
  call.tags = outcome.tags;
  call.operation = name(outcome.operation);
  call.model = outcome.model;
  call.stream = outcome.stream;
  call.simulated = outcome.simulated;
  call.status = outcome.status;
  call.ending = name(outcome.ending);
  call.error = outcome.error;
  call.attempts = static_cast<int64_t>(outcome.attempts.size());
  for (const model::Attempt& attempt : outcome.attempts) {
    call.input_tokens += attempt.usage.input_tokens;
    call.output_tokens += attempt.usage.output_tokens;
    call.cache_read_tokens += attempt.usage.cache_read_input_tokens;
    call.cache_write_tokens += attempt.usage.cache_creation_input_tokens;
  }
  return call;
}

}  // namespace baton::admin
