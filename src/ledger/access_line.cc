#include "ledger/access_line.h"

#include <fmt/format.h>

#include <chrono>

#include "metrics/log_text.h"

namespace baton::ledger {
namespace {

using metrics::append_quoted;
using metrics::cut;

void append_number(std::string& out, std::string_view key, uint64_t value) {
  fmt::format_int digits(value);
  out.append(key).append(digits.data(), digits.size());
}

void append_number(std::string& out, std::string_view key, int64_t value) {
  fmt::format_int digits(value);
  out.append(key).append(digits.data(), digits.size());
}

// Milliseconds with three decimals.
void append_ms(std::string& out, std::string_view key, Duration duration) {
  int64_t us = std::max<int64_t>(duration.count(), 0) / 1000;
  append_number(out, key, us / 1000);
  int64_t fraction = us % 1000;
  char decimals[] = {'.', static_cast<char>('0' + fraction / 100), static_cast<char>('0' + fraction / 10 % 10),
                     static_cast<char>('0' + fraction % 10)};
  out.append(decimals, sizeof decimals);
}

// `key` is the whole `,"name":`.
void append_text(std::string& out, std::string_view key, std::string_view text) {
  out.append(key);
  append_quoted(out, cut(text, AccessLine::kTextBytesMax));
}

void append_known_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_text(out, key, text);
}

// A text that a client chose may hold a key that was put in the wrong place; the vendor's keys all begin alike.
void append_masked_text(std::string& out, std::string_view key, std::string_view text) {
  static constexpr std::string_view kVendorKey = "sk-ant-";
  size_t at = text.find(kVendorKey);
  if (at == std::string_view::npos) return append_text(out, key, text);
  std::string masked(text.substr(0, at));
  append_text(out, key, masked.append(kVendorKey).append("***"));
}

void append_usage(std::string& out, const model::Usage& usage) {
  append_number(out, ",\"input_tokens\":", usage.input_tokens);
  append_number(out, ",\"output_tokens\":", usage.output_tokens);
  append_number(out, ",\"cache_read_input_tokens\":", usage.cache_read_input_tokens);
  append_number(out, ",\"cache_creation_input_tokens\":", usage.cache_creation_input_tokens);
  auto append_some = [&out](std::string_view key, int64_t count) {
    if (count != 0) append_number(out, key, count);
  };
  append_some(",\"cache_creation_5m_input_tokens\":", usage.cache_creation_5m_input_tokens);
  append_some(",\"cache_creation_1h_input_tokens\":", usage.cache_creation_1h_input_tokens);
  append_some(",\"thinking_tokens\":", usage.thinking_tokens);
  append_some(",\"web_search_requests\":", usage.web_search_requests);
  append_some(",\"web_fetch_requests\":", usage.web_fetch_requests);
}

void append_attempt(std::string& out, const model::Attempt& attempt) {
  append_text(out, "{\"account\":", attempt.account);
  out.append(",\"result\":\"").append(name(attempt.result)).push_back('"');
  append_number(out, ",\"status\":", int64_t{attempt.status});
  append_ms(out, ",\"ms\":", attempt.total);
  if (attempt.may_have_been_processed && attempt.result != model::AttemptResult::kOk) {
    out.append(",\"may_have_been_processed\":true");
  }
  out.push_back('}');
}

void append_attempts(std::string& out, const std::vector<model::Attempt>& attempts) {
  if (attempts.empty()) return;
  append_text(out, ",\"account\":", attempts.back().account);
  out.append(",\"attempts\":[");
  for (size_t i = 0; i < attempts.size() && i < model::kAttemptsMax; ++i) {
    if (i > 0) out.push_back(',');
    append_attempt(out, attempts[i]);
  }
  out.push_back(']');
}

std::string_view boolean(bool value) { return value ? "true" : "false"; }

}  // namespace

void AccessLine::append(std::string& out, const model::Outcome& outcome) {
  out.append("{\"time\":\"");
  append_time(out, outcome.started);
  out.push_back('"');
  append_text(out, ",\"request_id\":", outcome.request_id);
  append_known_text(out, ",\"upstream_request_id\":", outcome.upstream_request_id);
  append_known_text(out, ",\"client\":", outcome.client);
  append_known_text(out, ",\"client_address\":", outcome.client_address);
  append_text(out, ",\"method\":", outcome.method);
  append_masked_text(out, ",\"path\":", std::string_view(outcome.path).substr(0, outcome.path.find('?')));
  out.append(",\"operation\":\"").append(name(outcome.operation)).push_back('"');
  if (!outcome.model.empty()) append_masked_text(out, ",\"model\":", outcome.model);
  out.append(",\"stream\":").append(boolean(outcome.stream));
  append_number(out, ",\"status\":", int64_t{outcome.status});
  out.append(",\"ending\":\"").append(name(outcome.ending)).push_back('"');
  append_known_text(out, ",\"error\":", outcome.error);
  if (outcome.cache != model::CacheUse::kNone) out.append(",\"cache\":\"").append(name(outcome.cache)).push_back('"');
  append_attempts(out, outcome.attempts);
  // Of an answer that is given again it is what had been used for it.
  if (outcome.usage.known && !outcome.reused) append_usage(out, outcome.usage);
  append_number(out, ",\"request_bytes\":", outcome.request_body_bytes);
  append_number(out, ",\"reply_bytes\":", outcome.reply_body_bytes);
  if (outcome.stream) {
    append_number(out, ",\"events\":", outcome.events);
    append_number(out, ",\"pings\":", outcome.pings_sent);
  }
  append_ms(out, ",\"duration_ms\":", outcome.duration);
  if (outcome.first_byte > Duration{0}) {
    append_ms(out, ",\"first_byte_ms\":", outcome.first_byte);
    append_number(out, ",\"added_us\":", std::max<int64_t>(outcome.added.count(), 0) / 1000);
  }
  out.append(",\"simulated\":").append(boolean(outcome.simulated));
  out.append("}\n");
}

// RFC 3339 in UTC with milliseconds. The text of a second is made once.
void AccessLine::append_time(std::string& out, WallTime time) {
  auto second = std::chrono::floor<std::chrono::seconds>(time);
  if (second.time_since_epoch().count() != second_) {
    second_ = second.time_since_epoch().count();
    auto day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss clock(second - day);
    second_text_ = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                               static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                               clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  }
  auto ms = (time - second).count();
  out.append(second_text_);
  char tail[] = {'.', static_cast<char>('0' + ms / 100), static_cast<char>('0' + ms / 10 % 10),
                 static_cast<char>('0' + ms % 10), 'Z'};
  out.append(tail, sizeof tail);
}

}  // namespace baton::ledger
