// PoolMemory as text and back.
#include <fmt/format.h>

#include <charconv>

#include "accounts/pool_memory.h"
#include "http/json.h"
#include "http/json_view.h"

namespace baton::accounts {
namespace {

using http::json_member;

constexpr int64_t kVersion = 1;
constexpr std::string_view kDuties[] = {"on", "draining", "parked"};
constexpr std::string_view kReasons[] = {"none", "unauthorized", "spend_cap"};

int64_t ms(WallTime time) { return time.time_since_epoch().count(); }

void add_text(std::string& out, std::string_view key, std::string_view value) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
  http::append_json_string(out, value);
}

void add_time(std::string& out, std::string_view key, const std::optional<WallTime>& time) {
  if (time) fmt::format_to(std::back_inserter(out), ",\"{}\":{}", key, ms(*time));
}

void add(std::string& out, const PoolMemory::Account& one) {
  out += "{\"what\":\"account\"";
  add_text(out, "name", one.name);
  add_text(out, "identity", one.identity);
  add_text(out, "duty", name(one.duty));
  add_text(out, "reason", one.reason);
  add_text(out, "parked", name(one.parked));
  add_time(out, "parked_until", one.parked_until);
  add_time(out, "ejected_until", one.ejected_until);
  fmt::format_to(std::back_inserter(out), ",\"ejections\":{},\"exclusions\":[", one.ejections);
  for (size_t i = 0; i < one.exclusions.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "{}[\"{:x}\",{}]", i > 0 ? "," : "", one.exclusions[i].model,
                   ms(one.exclusions[i].until));
  }
  out += "]}\n";
}

void add(std::string& out, const PoolMemory::Limits& one) {
  out += "{\"what\":\"limits\"";
  add_text(out, "domain", one.domain);
  add_text(out, "class", name(one.limits));
  add_time(out, "benched_until", one.benched_until);
  fmt::format_to(std::back_inserter(out), ",\"limit\":[{:.0f},{:.0f},{:.0f}],\"level\":[{:.0f},{:.0f},{:.0f}]}}\n",
                 one.limit[0], one.limit[1], one.limit[2], one.level[0], one.level[1], one.level[2]);
}

std::string text_of(std::string_view object, std::string_view key) {
  std::string room;
  return std::string(http::json_text(json_member(object, key), room));
}

std::optional<WallTime> time_of(std::string_view span) {
  const auto value = http::json_int(span);
  if (!value) return std::nullopt;
  return WallTime{std::chrono::milliseconds(*value)};
}

std::optional<uint64_t> hex_of(std::string_view span) {
  std::string room;
  const std::string_view digits = http::json_text(span, room);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

template <class E, size_t N>
bool read_word(std::string_view object, std::string_view key, const std::string_view (&words)[N], E& out) {
  const std::string word = text_of(object, key);
  for (size_t i = 0; i < N; ++i) {
    if (words[i] != word) continue;
    out = static_cast<E>(i);
    return true;
  }
  return false;
}

bool read_class(std::string_view word, LimitClass& out) {
  for (size_t i = 0; i < kLimitClasses; ++i) {
    out = static_cast<LimitClass>(i);
    if (name(out) == word) return true;
  }
  return false;
}

bool read(std::string_view line, PoolMemory::Account& one) {
  one.name = text_of(line, "name");
  one.identity = text_of(line, "identity");
  one.reason = text_of(line, "reason");
  one.parked_until = time_of(json_member(line, "parked_until"));
  one.ejected_until = time_of(json_member(line, "ejected_until"));
  const auto ejections = http::json_int(json_member(line, "ejections"));
  if (one.name.empty() || !ejections || *ejections < 0) return false;
  one.ejections = static_cast<uint32_t>(std::min<int64_t>(*ejections, 1000));
  http::JsonElements all(json_member(line, "exclusions"));
  while (all.next()) {
    http::JsonElements pair(all.value);
    if (!pair.next()) return false;
    const auto model = hex_of(pair.value);
    const auto until = pair.next() ? time_of(pair.value) : std::nullopt;
    if (!model || !until) return false;
    one.exclusions.push_back({*model, *until});
  }
  return read_word(line, "duty", kDuties, one.duty) && read_word(line, "parked", kReasons, one.parked);
}

bool read_three(std::string_view span, std::array<double, 3>& out) {
  http::JsonElements elements(span);
  for (double& value : out) {
    const auto number = elements.next() ? http::json_int(elements.value) : std::nullopt;
    if (!number) return false;
    value = static_cast<double>(*number);
  }
  return !elements.next();
}

bool read(std::string_view line, PoolMemory::Limits& one) {
  one.domain = text_of(line, "domain");
  one.benched_until = time_of(json_member(line, "benched_until"));
  return read_class(text_of(line, "class"), one.limits) && read_three(json_member(line, "limit"), one.limit) &&
         read_three(json_member(line, "level"), one.level);
}

bool read(std::string_view line, PoolMemory::Binding& one) {
  const auto conversation = hex_of(json_member(line, "key"));
  const auto account = http::json_int(json_member(line, "account"));
  const auto used = time_of(json_member(line, "used"));
  if (!conversation || !account || *account < 0 || !used) return false;
  one = {*conversation, static_cast<uint32_t>(*account), *used};
  return true;
}

template <class T>
bool read_into(std::vector<T>& all, std::string_view line) {
  return read(line, all.emplace_back());
}

bool read_line(std::string_view line, std::string_view what, PoolMemory& memory) {
  if (what == "account") return read_into(memory.accounts, line);
  if (what == "limits") return read_into(memory.limits, line);
  if (what == "conversation") return read_into(memory.bindings, line) && memory.bindings.size() <= kRememberedMax;
  return false;
}

}  // namespace

std::string_view name(Duty duty) { return kDuties[static_cast<size_t>(duty)]; }
std::string_view name(ParkReason reason) { return kReasons[static_cast<size_t>(reason)]; }

std::string to_text(const PoolMemory& memory) {
  std::string out;
  out.reserve(256 + 256 * memory.accounts.size() + 80 * memory.bindings.size());
  fmt::format_to(std::back_inserter(out), "{{\"what\":\"pool\",\"version\":{},\"saved\":{}}}\n", kVersion,
                 ms(memory.saved));
  for (const auto& one : memory.accounts) add(out, one);
  for (const auto& one : memory.limits) add(out, one);
  for (const auto& one : memory.bindings) {
    fmt::format_to(std::back_inserter(out),
                   "{{\"what\":\"conversation\",\"key\":\"{:x}\",\"account\":{},\"used\":{}}}\n", one.conversation,
                   one.account, ms(one.used));
  }
  fmt::format_to(std::back_inserter(out), "{{\"what\":\"end\",\"lines\":{}}}\n",
                 memory.accounts.size() + memory.limits.size() + memory.bindings.size());
  return out;
}

std::expected<PoolMemory, std::string> memory_from_text(std::string_view text) {
  PoolMemory memory;
  http::JsonScanner scanner;
  std::string line;
  int64_t lines = -1;  // behind the head
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == text.npos) return std::unexpected("it ends inside a line");
    line.assign(text.substr(0, end));
    text.remove_prefix(end + 1);
    line.append(http::kJsonPadding, '\0');
    const std::string_view object(line.data(), end);
    if (!scanner.scan_object(object)) return std::unexpected("a line of it is no JSON object");
    const std::string what = text_of(object, "what");
    if (lines < 0) {
      const auto saved = time_of(json_member(object, "saved"));
      if (what != "pool" || http::json_int(json_member(object, "version")) != kVersion || !saved)
        return std::unexpected("it is of another version");
      memory.saved = *saved;
      lines = 0;
      continue;
    }
    if (what == "end") {
      if (http::json_int(json_member(object, "lines")) != lines || !text.empty()) break;
      return memory;
    }
    if (!read_line(object, what, memory))
      return std::unexpected("line " + std::to_string(lines + 2) + " is not understood");
    ++lines;
  }
  return std::unexpected("it is not whole");
}

}  // namespace baton::accounts
