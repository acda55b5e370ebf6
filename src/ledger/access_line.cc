#include "ledger/access_line.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstring>

#include "metrics/log_text.h"

namespace baton::ledger {
namespace {

// Writes where there is room for a line: kLineBytesMax counts every text at its longest, each of its bytes escaped.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  char* at() const { return at_; }

  // `key` is the whole `,"name":`.
  template <size_t kSize>
  Writer& put(const char (&key)[kSize]) {
    std::memcpy(at_, key, kSize - 1);
    at_ += kSize - 1;
    return *this;
  }
  Writer& text(std::string_view bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
    return *this;
  }
  Writer& quoted(std::string_view bytes) {
    bytes = metrics::cut(bytes, AccessLine::kTextBytesMax);
    *at_++ = '"';
    if (metrics::plain_bytes(bytes) == bytes.size()) {
      text(bytes);
    } else {
      std::string escaped;
      metrics::append_escaped(escaped, bytes);
      text(escaped);
    }
    *at_++ = '"';
    return *this;
  }
  // What a client chose may hold a key that was put in the wrong place; the vendor's keys all begin alike.
  Writer& masked(std::string_view bytes) {
    static constexpr std::string_view kVendorKey = "sk-ant-";
    const size_t at = bytes.find(kVendorKey);
    if (at == std::string_view::npos) return quoted(bytes);
    return quoted(std::string(bytes.substr(0, at)).append(kVendorKey).append("***"));
  }
  Writer& number(std::integral auto value) {
    at_ = std::to_chars(at_, at_ + kNumberBytesMax, value).ptr;
    return *this;
  }
  Writer& boolean(bool value) { return text(value ? "true" : "false"); }
  // Milliseconds with three decimals.
  Writer& ms(Duration duration) {
    const int64_t us = std::max<int64_t>(duration.count(), 0) / 1000;
    number(us / 1000);
    const int64_t fraction = us % 1000;
    *at_++ = '.';
    *at_++ = static_cast<char>('0' + fraction / 100);
    *at_++ = static_cast<char>('0' + fraction / 10 % 10);
    *at_++ = static_cast<char>('0' + fraction % 10);
    return *this;
  }

 private:
  static constexpr size_t kNumberBytesMax = 20;
  char* at_;
};

void write_usage(Writer& out, const model::Usage& usage) {
  out.put(",\"input_tokens\":").number(usage.input_tokens);
  out.put(",\"output_tokens\":").number(usage.output_tokens);
  out.put(",\"cache_read_input_tokens\":").number(usage.cache_read_input_tokens);
  out.put(",\"cache_creation_input_tokens\":").number(usage.cache_creation_input_tokens);
  const auto write_some = [&out](const auto& key, int64_t count) {
    if (count != 0) out.put(key).number(count);
  };
  write_some(",\"cache_creation_5m_input_tokens\":", usage.cache_creation_5m_input_tokens);
  write_some(",\"cache_creation_1h_input_tokens\":", usage.cache_creation_1h_input_tokens);
  write_some(",\"thinking_tokens\":", usage.thinking_tokens);
  write_some(",\"web_search_requests\":", usage.web_search_requests);
  write_some(",\"web_fetch_requests\":", usage.web_fetch_requests);
}

void write_attempt(Writer& out, const model::Attempt& attempt) {
  out.put("{\"account\":").quoted(attempt.account);
  out.put(",\"result\":\"").text(name(attempt.result)).put("\"");
  out.put(",\"status\":").number(attempt.status);
  out.put(",\"ms\":").ms(attempt.total);
  if (attempt.may_have_been_processed && attempt.result != model::AttemptResult::kOk)
    out.put(",\"may_have_been_processed\":true");
  out.put("}");
}

void write_attempts(Writer& out, const std::vector<model::Attempt>& attempts) {
  if (attempts.empty()) return;
  out.put(",\"account\":").quoted(attempts.back().account);
  out.put(",\"attempts\":[");
  for (size_t i = 0; i < attempts.size() && i < model::kAttemptsMax; ++i) {
    if (i > 0) out.put(",");
    write_attempt(out, attempts[i]);
  }
  out.put("]");
}

// All of the line behind its time.
void write_line(Writer& out, const model::Outcome& outcome) {
  const auto write_known = [&out](const auto& key, std::string_view text) {
    if (!text.empty()) out.put(key).quoted(text);
  };
  out.put("\",\"request_id\":").quoted(outcome.request_id);
  write_known(",\"upstream_request_id\":", outcome.upstream_request_id);
  write_known(",\"client\":", outcome.client);
  write_known(",\"client_address\":", outcome.client_address);
  out.put(",\"method\":").quoted(outcome.method);
  out.put(",\"path\":").masked(std::string_view(outcome.path).substr(0, outcome.path.find('?')));
  out.put(",\"operation\":\"").text(name(outcome.operation)).put("\"");
  if (!outcome.model.empty()) out.put(",\"model\":").masked(outcome.model);
  out.put(",\"stream\":").boolean(outcome.stream);
  out.put(",\"status\":").number(outcome.status);
  out.put(",\"ending\":\"").text(name(outcome.ending)).put("\"");
  write_known(",\"error\":", outcome.error);
  if (outcome.cache != model::CacheUse::kNone) out.put(",\"cache\":\"").text(name(outcome.cache)).put("\"");
  write_attempts(out, outcome.attempts);
  // Of an answer that is given again it is what had been used for it.
  if (outcome.usage.known && !outcome.reused) write_usage(out, outcome.usage);
  out.put(",\"request_bytes\":").number(outcome.request_body_bytes);
  out.put(",\"reply_bytes\":").number(outcome.reply_body_bytes);
  if (outcome.stream) {
    out.put(",\"events\":").number(outcome.events);
    out.put(",\"pings\":").number(outcome.pings_sent);
  }
  out.put(",\"duration_ms\":").ms(outcome.duration);
  if (outcome.first_byte > Duration{0}) {
    out.put(",\"first_byte_ms\":").ms(outcome.first_byte);
    out.put(",\"added_us\":").number(std::max<int64_t>(outcome.added.count(), 0) / 1000);
  }
  out.put(",\"simulated\":").boolean(outcome.simulated).put("}\n");
}

}  // namespace

void AccessLine::append(std::string& out, const model::Outcome& outcome) {
  out.append("{\"time\":\"");
  append_time(out, outcome.started);
  const size_t before = out.size();
  out.resize_and_overwrite(before + kLineBytesMax, [&](char* bytes, size_t) {
    Writer line(bytes + before);
    write_line(line, outcome);
    return static_cast<size_t>(line.at() - bytes);
  });
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
