// What people read of the relay's answers.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/operate.h"
#include "http/json_view.h"
#include "metrics/log_text.h"

namespace baton::app {
namespace {

using http::json_member;

std::string text(std::string_view object, std::string_view key) {
  std::string room, out;
  metrics::append_shown(out, http::json_text(json_member(object, key), room));
  return out;
}

// A number as the relay wrote it; "-" when it is not known.
std::string number(std::string_view object, std::string_view key) {
  const std::string_view span = json_member(object, key);
  return http::is_null(span) ? "-" : std::string(span);
}

double figure(std::string_view object, std::string_view key) {
  const std::string span(json_member(object, key));
  return span.empty() || span == "null" ? 0 : std::strtod(span.c_str(), nullptr);
}

std::string short_time(double ms) {
  if (ms < 10) return fmt::format("{:.1f} ms", ms);
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  if (ms < 120'000) return fmt::format("{:.1f} s", ms / 1000);
  return fmt::format("{:.0f} min", ms / 60'000);
}

std::string ms(std::string_view object, std::string_view key) {
  return http::is_null(json_member(object, key)) ? "-" : short_time(figure(object, key));
}

std::string short_count(double count) {
  if (count < 10'000) return fmt::format("{:.0f}", count);
  if (count < 10'000'000) return fmt::format("{:.0f}k", count / 1000);
  return fmt::format("{:.0f}M", count / 1e6);
}

std::string dollars(std::string_view object, std::string_view key) {
  const std::string amount = text(object, key);
  return amount.empty() ? "cost not known" : "$" + amount;
}

// "13:22:01" of an RFC 3339 time.
std::string clock(std::string_view object, std::string_view key) {
  const std::string time = text(object, key);
  return time.size() >= 19 ? time.substr(11, 8) : "-";
}

std::string meter(std::string_view limits, std::string_view key) {
  const std::string_view one = json_member(limits, key);
  if (http::is_null(one)) return "-";
  return short_count(figure(one, "remaining")) + "/" + short_count(figure(one, "limit"));
}

std::string tokens(std::string_view object) {
  const std::string_view all = json_member(object, "tokens");
  std::string out = "in " + number(all, "input") + " out " + number(all, "output");
  if (figure(all, "cache_read") > 0) out += " cached " + number(all, "cache_read");
  if (figure(all, "cache_write") > 0) out += " written " + number(all, "cache_write");
  return out;
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

template <size_t N>
std::string table(const std::vector<std::array<std::string, N>>& lines) {
  std::array<size_t, N> widths{};
  for (const auto& line : lines) {
    for (size_t i = 0; i < N; ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string out;
  for (const auto& line : lines) {
    std::string row;
    for (size_t i = 0; i < N; ++i) row += fmt::format("{:<{}}  ", line[i], widths[i]);
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  }
  return out;
}

}  // namespace

std::string accounts_table(std::string_view json) {
  std::vector<std::array<std::string, 8>> lines{
      {"ACCOUNT", "STATE", "OPEN", "FOR", "REQUESTS", "INPUT", "OUTPUT", "WHY"}};
  http::JsonElements accounts(json_member(json, "accounts"));
  while (accounts.next()) {
    const std::string_view one = accounts.value;
    std::string why = text(one, "reason");
    if (!http::is_null(json_member(one, "until"))) why += " (until " + clock(one, "until") + " UTC)";
    std::array<std::string, 8> line{
        text(one, "name"), text(one, "state"), number(one, "in_flight"), "-", "-", "-", "-", why};
    bool first = true;
    http::JsonElements limits(json_member(one, "limits"));
    while (limits.next()) {
      line[3] = text(limits.value, "class");
      line[4] = meter(limits.value, "requests");
      line[5] = meter(limits.value, "input_tokens");
      line[6] = meter(limits.value, "output_tokens");
      lines.push_back(line);
      line = {"", "", "", "", "", "", "", ""};
      first = false;
    }
    if (first) lines.push_back(line);
  }
  std::string out = table(lines);
  const std::string_view queue = json_member(json, "queue");
  if (figure(queue, "waiting") > 0) out += "\n" + number(queue, "waiting") + " calls wait for an account.\n";
  return out;
}

std::string overview_lines(std::string_view json) {
  const std::string_view calls = json_member(json, "calls");
  const std::string_view first = json_member(json, "first_byte_ms");
  const std::string_view added = json_member(json, "added_ms");
  const std::string_view rate = json_member(json, "tokens_per_minute");
  const std::string_view cache = json_member(json, "cache");
  std::string out = fmt::format("baton {}  revision {}  {} UTC  {}\n", text(json, "version"), number(json, "revision"),
                                clock(json, "now"),
                                json_member(json, "draining") == "true" ? "DRAINING"
                                : json_member(json, "ready") == "true"  ? "ready"
                                                                        : "starting");
  out += fmt::format("calls   {} open, {} waiting, {} streams; {:.1f}/s, {:.1f} failed/s; {} in all\n",
                     number(calls, "in_flight"), number(calls, "waiting"), number(json, "streams_open"),
                     figure(calls, "per_second"), figure(calls, "errors_per_second"), number(calls, "total"));
  out += fmt::format("time    first byte {} (p99 {}); added by Baton {} (p99 {})\n", ms(first, "p50"), ms(first, "p99"),
                     ms(added, "p50"), ms(added, "p99"));
  out += fmt::format("tokens  {} in, {} out, {} cached, {} written a minute\n", short_count(figure(rate, "input")),
                     short_count(figure(rate, "output")), short_count(figure(rate, "cache_read")),
                     short_count(figure(rate, "cache_write")));
  const std::string spent = text(json, "spent_today");
  out += fmt::format("money   {} today; replies reused {:.0f} % ({} kept)\n", spent.empty() ? "-" : "$" + spent,
                     100 * figure(cache, "hit_ratio"), number(cache, "entries"));
  http::JsonMembers degraded(json_member(json, "degraded"));
  while (degraded.next()) {
    std::string room, shown;
    metrics::append_shown(shown, http::json_text(degraded.value, room));
    out += fmt::format("!! {}: {}\n", degraded.key, shown);
  }
  return out;
}

std::string cache_lines(std::string_view json) {
  const std::string saved = text(json, "saved");
  std::string out =
      fmt::format("kept     {} replies, {:.1f} MB\n", number(json, "entries"), figure(json, "bytes") / 1e6);
  out += fmt::format("asked    {} hits, {} stale, {} misses ({:.0f} % reused); {} read along\n", number(json, "hits"),
                     number(json, "stale"), number(json, "misses"), 100 * figure(json, "hit_ratio"),
                     number(json, "coalesced"));
  out += fmt::format("saved    ${} since the start\n", saved.empty() ? "0.00" : saved);
  return out;
}

std::string call_line(std::string_view call) {
  std::string out = fmt::format("{}  {:>3}  {:>8}  {}  {}", clock(call, "time"), number(call, "status"),
                                ms(call, "duration_ms"), or_dash(text(call, "key")), or_dash(text(call, "model")));
  if (figure(call, "attempts") > 1) out += "  " + number(call, "attempts") + " attempts";
  const std::string ending = text(call, "ending");
  if (ending != "complete") out += "  " + ending;
  const std::string error = text(call, "error");
  if (!error.empty()) out += "  " + error;
  return out + "  " + tokens(call) + "  " + text(call, "id") + "\n";
}

std::string call_story(std::string_view call) {
  const std::string team = text(call, "team"), tags = text(call, "tags"), error = text(call, "error");
  std::string out = fmt::format("{}  {}\n", text(call, "id"), text(call, "time"));
  out += fmt::format("  {}{} by {}{}{}\n", text(call, "operation"),
                     json_member(call, "stream") == "true" ? ", streamed," : "", or_dash(text(call, "key")),
                     team.empty() ? "" : " of " + team, tags.empty() ? "" : " (" + tags + ")");
  if (!text(call, "model").empty()) out += fmt::format("  model {}\n", text(call, "model"));
  if (!text(call, "session").empty()) out += fmt::format("  session {}\n", text(call, "session"));
  size_t count = 0;
  http::JsonElements attempts(json_member(call, "attempts"));
  while (attempts.next()) {
    const std::string_view one = attempts.value;
    const std::string status = figure(one, "status") > 0 ? " " + number(one, "status") : "";
    out += fmt::format("  attempt {}  {}  {}{}  ", ++count, text(one, "account"), text(one, "result"), status);
    if (figure(one, "first_byte_ms") > 0) out += "first byte after " + ms(one, "first_byte_ms") + ", ";
    out += ms(one, "total_ms") + " in all";
    const std::string_view used = json_member(one, "tokens");
    if (figure(used, "input") + figure(used, "output") + figure(used, "cache_read") + figure(used, "cache_write") > 0)
      out += "  " + tokens(one);
    out += "  " + dollars(one, "cost") + "\n";
  }
  if (count == 0) out += "  no attempt was made\n";
  out += fmt::format("  waited {} besides its attempts; Baton added {} before the first byte\n", ms(call, "waited_ms"),
                     ms(call, "added_ms"));
  out += fmt::format("  answered with {} ({}{}) after {}; {}; {}{}\n", number(call, "status"), text(call, "ending"),
                     error.empty() ? "" : ", " + error, ms(call, "duration_ms"), tokens(call), dollars(call, "cost"),
                     json_member(call, "simulated") == "true" ? ", simulated" : "");
  return out;
}

std::string test_line(std::string_view json) {
  size_t models = 0;
  http::JsonElements all(json_member(json, "models"));
  while (all.next()) ++models;
  const std::string_view limits = json_member(json, "limits");
  const std::string error = text(json, "error");
  std::string out = fmt::format("{}: {} in {}, {} models", text(json, "name"),
                                error.empty() ? "works, answered" : "FAILED", ms(json, "latency_ms"), models);
  for (const char* key : {"requests", "input_tokens", "output_tokens"}) {
    if (!http::is_null(json_member(limits, key))) out += fmt::format(", {} {}", key, meter(limits, key));
  }
  if (!error.empty()) out += ": " + error;
  return out + "\n";
}

}  // namespace baton::app
