#include "sim/control.h"

#include <array>
#include <utility>

#include "base/ascii.h"

namespace baton::sim {

namespace {

template <class T>
using Names = std::initializer_list<std::pair<std::string_view, T>>;

template <class T>
bool named(std::string_view value, Names<T> names, T& out) {
  for (const auto& [name, meaning] : names) {
    if (name == value) {
      out = meaning;
      return true;
    }
  }
  return false;
}

template <class T>
bool number(std::string_view value, uint64_t max, T& out) {
  auto parsed = ascii::decimal(value);
  if (!parsed || *parsed > max) return false;
  out = static_cast<T>(*parsed);
  return true;
}

// "250ms", "2s", or milliseconds without a unit.
bool duration(std::string_view value, Duration& out) {
  Duration unit = std::chrono::milliseconds(1);
  if (value.ends_with("us")) {
    unit = std::chrono::microseconds(1);
    value.remove_suffix(2);
  } else if (value.ends_with("ms")) {
    value.remove_suffix(2);
  } else if (value.ends_with("s")) {
    unit = std::chrono::seconds(1);
    value.remove_suffix(1);
  }
  uint64_t count = 0;
  if (!number(value, 100'000'000, count)) return false;
  out = unit * static_cast<int64_t>(count);
  return true;
}

bool set(Control& control, std::string_view key, std::string_view value) {
  if (key == "status") return number(value, 599, control.status) && control.status >= 400;
  if (key == "retry_after") return number(value, 1'000'000, control.retry_after_s);
  if (key == "error_code") {
    control.error_code = value;
    return !value.empty();
  }
  if (key == "fault") {
    return named(value,
                 Names<Fault>{{"reset", Fault::kReset},
                              {"close", Fault::kClose},
                              {"stall", Fault::kStall},
                              {"slow", Fault::kSlow},
                              {"error_event", Fault::kErrorEvent},
                              {"garbage_chunk", Fault::kGarbageChunk},
                              {"no_stop", Fault::kNoStop},
                              {"early_error", Fault::kEarlyError},
                              {"half_head", Fault::kHalfHead}},
                 control.fault);
  }
  if (key == "at") return number(value, UINT64_MAX / 2, control.at.emplace());
  if (key == "delay") return duration(value, control.delay);
  if (key == "first_token") return duration(value, control.first_token.emplace());
  if (key == "per_token") return duration(value, control.per_token.emplace());
  if (key == "tokens") return number(value, 1'000'000, control.tokens.emplace());
  if (key == "framing") {
    return named(value,
                 Names<SseFraming>{{"lf", SseFraming::kLf},
                                   {"crlf", SseFraming::kCrlf},
                                   {"cr", SseFraming::kCr},
                                   {"nospace", SseFraming::kNoSpace},
                                   {"comments", SseFraming::kComments}},
                 control.framing);
  }
  if (key == "encoding") {
    return named(value,
                 Names<ReplyCoding>{{"identity", ReplyCoding::kIdentity},
                                    {"gzip", ReplyCoding::kGzip},
                                    {"br", ReplyCoding::kBrotli},
                                    {"zstd", ReplyCoding::kZstd}},
                 control.coding);
  }
  if (key == "chunk") return number(value, 1'000'000, control.chunk);
  if (key == "gap") return duration(value, control.gap);
  if (key == "reply") {
    return named(value,
                 Names<ReplyKind>{{"text", ReplyKind::kText},
                                  {"tool_use", ReplyKind::kToolUse},
                                  {"refusal", ReplyKind::kRefusal},
                                  {"pause_turn", ReplyKind::kPauseTurn}},
                 control.reply);
  }
  return false;
}

std::string_view take_until(std::string_view& rest, char separator) {
  size_t end = rest.find(separator);
  std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return ascii::trim(part);
}

}  // namespace

Answered<Control> read_control(std::string_view header, std::string_view credential) {
  Control chosen;
  bool found = false;
  while (!header.empty()) {
    std::string_view rule = take_until(header, ',');
    Control control;
    bool meant = !rule.empty();
    while (!rule.empty()) {
      std::string_view pair = take_until(rule, ';');
      if (pair.empty()) continue;
      std::string_view whole = pair;
      std::string_view key = take_until(pair, '=');
      if (key == "key") {
        meant = meant && pair == credential;
      } else if (!set(control, key, ascii::trim(pair))) {
        return invalid("baton-sim: '" + ascii::excerpt(whole) + "' is not understood");
      }
    }
    if (meant && !found) chosen = std::move(control);
    found = found || meant;
  }
  return chosen;
}

void draw_errors(const ErrorMix& mix, runtime::Random& random, Control& control) {
  if (control.status != 0 || control.fault != Fault::kNone) return;
  double drawn = random.unit();
  auto falls = [&](double share) {
    bool hit = drawn < share;
    drawn -= share;
    return hit && share > 0;
  };
  if (falls(mix.rate_limited)) {
    control.status = 429;
    control.retry_after_s = 1;
  } else if (falls(mix.overloaded)) {
    control.status = 529;
  } else if (falls(mix.server_error)) {
    control.status = 500;
  } else if (falls(mix.reset)) {
    control.fault = Fault::kReset;
    control.at = random.below(2'000);
  } else if (falls(mix.stream_error)) {
    control.fault = Fault::kErrorEvent;
    control.at = random.below(2'000);
  }
}

}  // namespace baton::sim
