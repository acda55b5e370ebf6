#include "ledger/usage_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "base/utc.h"
#include "ledger/price_table.h"
#include "ledger/rows_reader.h"
#include "metrics/log_text.h"

namespace baton::ledger {
namespace {

using metrics::append_quoted;

struct Column {
  std::string_view title;
  std::string_view json;
  int64_t Group::* figure;
  std::string_view note = {};  // of a column that is left out where it is zero throughout: what it is
};
constexpr Column kColumns[] = {
    {"CALLS", "calls", &Group::calls},
    {"FAILED", "failed", &Group::failed},
    {"INPUT", "input_tokens", &Group::input_tokens},
    {"OUTPUT", "output_tokens", &Group::output_tokens},
    {"CACHE READ", "cache_read_tokens", &Group::cache_read_tokens},
    {"CACHE WRITE", "cache_write_tokens", &Group::cache_write_tokens},
    {"COST", "cost_nanodollars", &Group::cost_nanodollars},
    {"HELD", "held_nanodollars", &Group::held_nanodollars, "counts for calls of unknown cost in budgets, not in COST"},
    {"RESERVED", "reserved_nanodollars", &Group::reserved_nanodollars, "set aside in budgets before calls were sent"},
    {"GIVEN BACK", "given_back_nanodollars", &Group::given_back_nanodollars, "of RESERVED, what was not needed"},
    {"REUSE", "saved_by_reuse_nanodollars", &Group::saved_by_reuse_nanodollars, "saved: kept replies"},
    {"COALESCED", "saved_by_coalescing_nanodollars", &Group::saved_by_coalescing_nanodollars,
     "saved: replies shared by calls that asked the same at the same time"},
    {"SIMILAR", "saved_by_similar_nanodollars", &Group::saved_by_similar_nanodollars,
     "saved: kept replies to the same question in other words"},
    {"PROMPT CACHE", "saved_by_prompt_cache_nanodollars", &Group::saved_by_prompt_cache_nanodollars,
     "saved: prompts that the vendor had cached; below zero where writing them cost more"},
    {"BATCHES", "saved_by_batch_nanodollars", &Group::saved_by_batch_nanodollars,
     "saved: the vendor's price in a batch"},
    {"UNPRICED", "unpriced", &Group::unpriced},
    {"SIMULATED", "simulated", &Group::simulated},
};

std::string_view title(GroupBy by) {
  switch (by) {
    case GroupBy::kKey: return "key";
    case GroupBy::kTeam: return "team";
    case GroupBy::kModel: return "model";
    case GroupBy::kAccount: return "account";
    case GroupBy::kTag: return "tag";
    case GroupBy::kDay: return "day";
  }
  return "";
}

// Every row is one group of figures in the order of kColumns behind its name. Texts of values are never part of it.
std::string_view sql(GroupBy by) {
// What budgets had set aside, and gave back, of the calls for which that holds.
#define BATON_RESERVED(when)                                                              \
  "sum(CASE WHEN " when                                                                   \
  " THEN coalesce(c.reserved_nanodollars, 0) ELSE 0 END), "                               \
  "sum(CASE WHEN " when                                                                   \
  " AND c.reserved_nanodollars > coalesce(c.charged_nanodollars, c.cost_nanodollars, 0) " \
  "THEN c.reserved_nanodollars - coalesce(c.charged_nanodollars, c.cost_nanodollars, 0) ELSE 0 END), "
#define BATON_LAST "NOT EXISTS (SELECT 1 FROM attempts l WHERE l.call = a.call AND l.attempt = a.attempt + 1)"
#define BATON_SUMS \
  "count(*), sum(CASE WHEN c.status < 200 OR c.status >= 400 THEN 1 ELSE 0 END), sum(c.input_tokens), "               \
  "sum(c.output_tokens), "                                                                                            \
  "sum(c.cache_read_tokens), sum(c.cache_write_tokens), coalesce(sum(c.cost_nanodollars), 0), "                       \
  "sum(CASE WHEN coalesce(c.charged_nanodollars, 0) > coalesce(c.cost_nanodollars, 0) THEN "                          \
  "coalesce(c.charged_nanodollars, 0) - coalesce(c.cost_nanodollars, 0) ELSE 0 END), " BATON_RESERVED("1 = 1")             \
  "sum(CASE WHEN c.reused IN ('coalesced', 'similar') THEN 0 ELSE c.saved_reply_cache_nanodollars END), "             \
  "sum(CASE WHEN c.reused = 'coalesced' THEN c.saved_reply_cache_nanodollars ELSE 0 END), "                           \
  "sum(CASE WHEN c.reused = 'similar' THEN c.saved_reply_cache_nanodollars ELSE 0 END), "                             \
  "sum(c.saved_prompt_cache_nanodollars), sum(c.saved_batch_nanodollars), "                                           \
  "sum(CASE WHEN c.cost_nanodollars IS NULL THEN 1 ELSE 0 END), sum(c.simulated) FROM calls c WHERE c.started_at >= " \
  "?1 AND c.started_at < ?2 "                                                                                         \
  "GROUP BY 1"
  switch (by) {
    case GroupBy::kKey: return "SELECT c.client, " BATON_SUMS;
    case GroupBy::kTeam: return "SELECT c.team, " BATON_SUMS;
    case GroupBy::kModel: return "SELECT c.model, " BATON_SUMS;
    case GroupBy::kTag: return "SELECT c.tags, " BATON_SUMS;
    case GroupBy::kDay: return "SELECT c.started_at / 86400000, " BATON_SUMS;
    case GroupBy::kAccount:
      return "SELECT a.account, count(*), sum(CASE WHEN a.status < 200 OR a.status >= 400 THEN 1 ELSE 0 END), "
             "sum(a.input_tokens), "
             "sum(a.output_tokens), sum(a.cache_read_tokens), sum(a.cache_write_tokens), "
             "coalesce(sum(a.cost_nanodollars), 0), 0, " BATON_RESERVED(BATON_LAST) "0, 0, 0, "
             "sum(CASE WHEN " BATON_LAST " THEN c.saved_prompt_cache_nanodollars ELSE 0 END), "
             "sum(CASE WHEN " BATON_LAST " THEN c.saved_batch_nanodollars ELSE 0 END), sum(CASE WHEN a.cost_nanodollars IS NULL THEN 1 ELSE 0 "
             "END), sum(c.simulated) "
             "FROM attempts a JOIN calls c ON c.seq = a.call WHERE c.started_at >= ?1 AND c.started_at < ?2 GROUP BY 1";
  }
#undef BATON_SUMS
#undef BATON_LAST
#undef BATON_RESERVED
  return {};
}

constexpr std::string_view kExported[] = {
    "request_id",
    "started_at",
    "duration_us",
    "first_byte_us",
    "added_us",
    "client",
    "key_id",
    "team",
    "client_address",
    "tags",
    "session_id",
    "agent_id",
    "parent_agent_id",
    "operation",
    "model",
    "stream",
    "simulated",
    "status",
    "ending",
    "error",
    "upstream_request_id",
    "account",
    "attempts",
    "request_bytes",
    "reply_bytes",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "thinking_tokens",
    "web_searches",
    "web_fetches",
    "cost_nanodollars",
    "charged_nanodollars",
    "reserved_nanodollars",
    "reused",
    "saved_by_reuse_nanodollars",
    "saved_by_coalescing_nanodollars",
    "saved_by_similar_nanodollars",
    "saved_by_prompt_cache_nanodollars",
    "saved_by_batch_nanodollars",
};
constexpr std::string_view kExportSql =
    "SELECT request_id, started_at, duration_us, first_byte_us, added_us, client, key_id, team, client_address, "
    "tags, session_id, agent_id, parent_agent_id, operation, model, stream, simulated, status, ending, error, "
    "upstream_request_id, coalesce((SELECT account FROM attempts WHERE call = seq ORDER BY attempt DESC LIMIT 1), ''), "
    "(SELECT count(*) FROM attempts WHERE call = seq), request_bytes, reply_bytes, input_tokens, output_tokens, "
    "cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, thinking_tokens, web_searches, web_fetches, "
    "cost_nanodollars, charged_nanodollars, reserved_nanodollars, reused, "
    "CASE WHEN reused IN ('coalesced', 'similar') THEN 0 ELSE saved_reply_cache_nanodollars END, "
    "CASE WHEN reused = 'coalesced' THEN saved_reply_cache_nanodollars ELSE 0 END, "
    "CASE WHEN reused = 'similar' THEN saved_reply_cache_nanodollars ELSE 0 END, "
    "saved_prompt_cache_nanodollars, saved_batch_nanodollars FROM calls "
    "WHERE started_at >= ?1 AND started_at < ?2 ORDER BY seq";
constexpr size_t kStartedAt = 1;
// Of the columns above, those that are texts.
bool is_text(size_t column) {
  return column < 1 || (column >= 5 && column <= 14) || (column >= 18 && column <= 21) || column == 36;
}

// The limits of a period as a question has them.
std::array<int64_t, 2> limits(const Period& period) {
  const auto ms = [](const std::optional<WallTime>& time, int64_t otherwise) {
    return time ? time->time_since_epoch().count() : otherwise;
  };
  return {ms(period.since, std::numeric_limits<int64_t>::min()), ms(period.until, std::numeric_limits<int64_t>::max())};
}

// "2026-11-24T12:43:28.123Z".
std::string time_text(int64_t ms) {
  std::string out = utc_text(WallTime(std::chrono::milliseconds(ms)));
  out.pop_back();
  return out + fmt::format(".{:03}Z", ms % 1000);
}

void add(Group& sum, const Group& more) {
  for (const Column& column : kColumns) sum.*column.figure += more.*column.figure;
}

std::vector<Group> split_tags(const std::vector<Group>& combined) {
  std::map<std::string, Group> by_tag;
  for (const Group& group : combined) {
    std::string_view left = group.name;
    do {
      const size_t comma = left.find(',');
      std::string tag(left.substr(0, comma));
      Group& sum = by_tag[tag];
      sum.name = std::move(tag);
      add(sum, group);
      left = comma == left.npos ? std::string_view{} : left.substr(comma + 1);
    } while (!left.empty());
  }
  std::vector<Group> out;
  out.reserve(by_tag.size());
  for (auto& [tag, group] : by_tag) out.push_back(std::move(group));
  return out;
}

std::string shown(const Group& group, const Column& column) {
  if (column.json.ends_with("_nanodollars")) return dollars_text(group.*column.figure);
  return std::to_string(group.*column.figure);
}

void append_csv(std::string& out, std::string_view text) {
  // A spreadsheet takes what begins so for a formula.
  const bool formula = !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += formula ? "\"'" : "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string csv_line(const RowsReader::Rows& row) {
  std::string line;
  for (size_t i = 0; i < std::size(kExported); ++i) {
    const int column = static_cast<int>(i);
    if (i > 0) line += ',';
    if (i == kStartedAt) {
      line += time_text(row.number(column));
    } else if (is_text(i)) {
      append_csv(line, row.text(column));
    } else if (auto number = row.number_or_null(column)) {
      line += std::to_string(*number);
    }
  }
  return line + "\n";
}

std::string json_line(const RowsReader::Rows& row) {
  std::string line = "{";
  for (size_t i = 0; i < std::size(kExported); ++i) {
    const int column = static_cast<int>(i);
    if (i > 0) line += ',';
    append_quoted(line, kExported[i]);
    line += ':';
    if (i == kStartedAt) {
      append_quoted(line, time_text(row.number(column)));
    } else if (is_text(i)) {
      append_quoted(line, row.text(column));
    } else if (auto number = row.number_or_null(column)) {
      line += std::to_string(*number);
    } else {
      line += "null";
    }
  }
  return line + "}\n";
}

}  // namespace

Group total_of(const std::vector<Group>& groups) {
  Group total;
  for (const Group& group : groups) add(total, group);
  return total;
}

Expected<std::vector<Group>> usage_by(const Place& place, GroupBy by, const Period& period) {
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  if (!*reader) return nothing_booked(place);
  const auto [since, until] = limits(period);
  auto rows = (*reader)->query(sql(by), {since, until});
  if (!rows) return std::unexpected(rows.error());
  std::vector<Group> groups;
  while (true) {
    const auto row = rows->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (groups.size() >= kGroupsMax) {
      return fail(ErrorCode::kStore, Fault::kUs, "there are too many groups; ask for a shorter time with --since");
    }
    Group group{.name = std::string(rows->text(0))};
    if (by == GroupBy::kDay) group.name = utc_day(WallTime(std::chrono::sys_days(std::chrono::days(rows->number(0)))));
    for (size_t i = 0; i < std::size(kColumns); ++i) group.*kColumns[i].figure = rows->number(static_cast<int>(i) + 1);
    groups.push_back(std::move(group));
  }
  if (by == GroupBy::kTag) groups = split_tags(groups);
  std::ranges::sort(groups, [by](const Group& a, const Group& b) {
    if (by != GroupBy::kDay && a.cost_nanodollars != b.cost_nanodollars) return a.cost_nanodollars > b.cost_nanodollars;
    if (by != GroupBy::kDay && a.calls != b.calls) return a.calls > b.calls;
    return a.name < b.name;
  });
  return groups;
}

Expected<void> export_rows(const Place& place, ExportFormat format, const Period& period,
                           const std::function<bool(const std::string& line)>& write) {
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  if (!*reader) return nothing_booked(place);
  const auto [since, until] = limits(period);
  auto rows = (*reader)->query(kExportSql, {since, until});
  if (!rows) return std::unexpected(rows.error());
  if (format == ExportFormat::kCsv) {
    std::string head;
    for (std::string_view name : kExported) head.append(head.empty() ? "" : ",").append(name);
    if (!write(head + "\n")) return {};
  }
  while (true) {
    const auto row = rows->next();
    if (!row) return std::unexpected(row.error());
    if (!*row || !write(format == ExportFormat::kCsv ? csv_line(*rows) : json_line(*rows))) return {};
  }
}

std::string usage_table(const std::vector<Group>& groups, GroupBy by) {
  const Group all = total_of(groups);
  // Not the sum alone: what some saved, others may have paid for.
  const auto wanted = [&groups](const Column& column) {
    return column.note.empty() ||
           std::ranges::any_of(groups, [&](const Group& one) { return one.*column.figure != 0; });
  };
  std::vector<std::vector<std::string>> lines;
  std::vector<std::string> head{std::string(title(by))};
  std::ranges::transform(head[0], head[0].begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  for (const Column& column : kColumns) {
    if (wanted(column)) head.emplace_back(column.title);
  }
  if (by == GroupBy::kAccount) head[1] = "ATTEMPTS";
  lines.push_back(std::move(head));
  const auto add_line = [&](std::string name, const Group& group) {
    std::vector<std::string> line{std::move(name)};
    for (const Column& column : kColumns) {
      if (wanted(column)) line.push_back(shown(group, column));
    }
    lines.push_back(std::move(line));
  };
  for (const Group& group : groups) {
    std::string name;
    for (char c : group.name) name += c >= 0x20 && c < 0x7f ? c : '?';
    add_line(name.empty() ? "(none)" : name, group);
  }
  // Calls with two tags would be counted twice in it.
  if (by != GroupBy::kTag) add_line("total", all);
  std::vector<size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string out;
  for (const auto& line : lines) {
    out += fmt::format("{:<{}}", line[0], widths[0]);
    for (size_t i = 1; i < line.size(); ++i) out += fmt::format("  {:>{}}", line[i], widths[i]);
    out += '\n';
  }
  std::string notes;
  for (const Column& column : kColumns) {
    if (!column.note.empty() && wanted(column)) notes += fmt::format("{:<12}  {}\n", column.title, column.note);
  }
  if (!notes.empty()) out += '\n' + notes;
  if (all.unpriced > 0) out += "\nUNPRICED calls have tokens but no known cost, and are not in COST.\n";
  if (all.simulated > 0) out += "\nSIMULATED calls were answered by the simulator: their dollars were not spent.\n";
  return out;
}

std::string usage_json(const std::vector<Group>& groups, GroupBy by) {
  std::string out = "{\"by\":\"" + std::string(title(by)) + "\",\"groups\":[";
  for (const Group& group : groups) {
    if (&group != &groups.front()) out += ',';
    out += "{\"";
    out += title(by);
    out += "\":";
    append_quoted(out, group.name);
    for (const Column& column : kColumns) out += fmt::format(",\"{}\":{}", column.json, group.*column.figure);
    out += '}';
  }
  return out + "]}\n";
}

}  // namespace baton::ledger
