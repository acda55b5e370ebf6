#include "conformance/finding.h"

#include <algorithm>

#include "conformance/config.h"
#include "http/json_view.h"
#include "http/sse.h"

namespace baton::conformance {

namespace {

// The length of the UTF-8 character that begins `text`, or 0 for what is none that can be shown.
size_t character(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (at(0) < 0x20 || at(0) == 0x7f) return 0;
  if (at(0) < 0x80) return 1;
  const size_t size = at(0) >= 0xf0 ? 4 : at(0) >= 0xe0 ? 3 : at(0) >= 0xc3 ? 2 : 0;
  if (size == 0 || at(0) > 0xf4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

std::string_view around(std::string_view text, size_t at) {
  const size_t from = at > 40 ? at - 40 : 0;
  return text.substr(std::min(from, text.size()), kShownBytesMax);
}

std::string show(const Event& event) { return shown(event.name + " " + event.data); }

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return "pass";
    case Verdict::kFail: return "fail";
    case Verdict::kNotApplicable: return "not applicable";
    case Verdict::kSkipped: return "skipped";
  }
  return "fail";
}

Finding passed(std::string note) { return {.note = std::move(note)}; }
Finding failed(std::string expected, std::string seen) {
  return {.verdict = Verdict::kFail, .expected = std::move(expected), .seen = std::move(seen)};
}
Finding not_applicable(std::string why) { return {.verdict = Verdict::kNotApplicable, .note = std::move(why)}; }
Finding skipped(std::string why) { return {.verdict = Verdict::kSkipped, .note = std::move(why)}; }

std::string shown(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  size_t at = 0;
  while (at < text.size() && out.size() < kShownBytesMax) {
    const std::string_view rest = text.substr(at);
    const size_t size = character(rest);
    if (size > 0) {
      out.append(rest.substr(0, size));
      at += size;
      continue;
    }
    ++at;
    if (rest.front() == '\n') {
      out += "\\n";
    } else if (rest.front() == '\r') {
      out += "\\r";
    } else {
      const auto byte = static_cast<unsigned char>(rest.front());
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  if (at < text.size()) out += "... (" + std::to_string(text.size()) + " bytes)";
  return out;
}

std::optional<Finding> same_bytes(std::string_view what, std::string_view expected, std::string_view seen) {
  if (expected == seen) return std::nullopt;
  const size_t at = static_cast<size_t>(std::ranges::mismatch(expected, seen).in1 - expected.begin());
  const std::string where = std::string(what) + ", from byte " + std::to_string(at) + " on: ";
  return failed(where + shown(around(expected, at)), std::to_string(seen.size()) + " bytes instead of " +
                                                         std::to_string(expected.size()) + ": " +
                                                         shown(around(seen, at)));
}

std::vector<Event> events_of(std::string_view stream) {
  std::vector<Event> out;
  http::SseScanner scanner(kReplyBytesMax);
  scanner.feed(stream,
               [&](const http::SseEvent& one) { out.push_back({std::string(one.name), std::string(one.data)}); });
  return out;
}

std::vector<Event> without_pings(std::vector<Event> events) {
  std::erase_if(events, [](const Event& event) { return event.name == "ping"; });
  return events;
}

std::optional<Finding> same_events(std::string_view expected, std::string_view seen) {
  const auto wanted = without_pings(events_of(expected));
  const auto got = without_pings(events_of(seen));
  if (wanted == got) return std::nullopt;
  const size_t at = static_cast<size_t>(std::ranges::mismatch(wanted, got).in1 - wanted.begin());
  const std::string place = "event " + std::to_string(at + 1) + ": ";
  return failed(place + (at < wanted.size() ? show(wanted[at]) : "none any more"),
                place + (at < got.size() ? show(got[at]) : "none any more"));
}

Ending ending_of(const Reply& reply) {
  if (reply.end == End::kTimeout) return Ending::kSilence;
  if (reply.status >= 400) return Ending::kErrorStatus;
  const auto events = events_of(reply.body);
  for (const Event& event : events) {
    if (event.name == "error") return Ending::kErrorEvent;
  }
  if (reply.end != End::kComplete) return Ending::kVisibleCut;
  for (const Event& event : events) {
    if (event.name == "message_stop") return Ending::kFinished;
  }
  return Ending::kTidyEnd;
}

std::string_view describe(Ending ending) {
  switch (ending) {
    case Ending::kFinished: return "a finished message, with message_stop";
    case Ending::kErrorEvent: return "an error event";
    case Ending::kErrorStatus: return "an error status";
    case Ending::kVisibleCut: return "a visible cut";
    case Ending::kTidyEnd: return "a tidy end without message_stop";
    case Ending::kSilence: return "no end in time";
  }
  return "nothing";
}

std::string compact(std::string_view json) {
  std::string out;
  bool inside = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!inside && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    out += c;
    if (c == '"') inside = !inside;
    if (inside && c == '\\' && i + 1 < json.size()) out += json[++i];
  }
  return out;
}

std::vector<std::string> keys_of(std::string_view object) {
  std::vector<std::string> out;
  http::JsonMembers members(object);
  while (members.next()) out.emplace_back(members.key);
  return out;
}

}  // namespace baton::conformance
