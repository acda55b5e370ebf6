#include "ledger/reconcile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

#include "base/ascii.h"
#include "base/utc.h"
#include "http/json.h"
#include "ledger/price_table.h"
#include "ledger/rows_reader.h"
#include "metrics/log_text.h"

namespace baton::ledger {
namespace {

constexpr int64_t kCent = 10'000'000;  // nanodollars

std::unexpected<Error> wrong(std::string why) { return fail(ErrorCode::kConfig, Fault::kClient, std::move(why)); }

// A decimal number as nanodollars, `unit` of which are one; more decimals than there are nanodollars are rounded off.
std::optional<int64_t> amount(std::string_view text, int64_t unit) {
  text = ascii::trim(text);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with('$')) text.remove_prefix(1);
  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string_view decimals = dot == text.npos ? std::string_view{} : text.substr(dot + 1);
  if (whole.empty() || whole.size() > 9 || (dot != text.npos && decimals.empty())) return std::nullopt;
  const auto high = ascii::decimal(whole);
  if (!high) return std::nullopt;
  int64_t sum = static_cast<int64_t>(*high) * unit;
  int64_t digit_unit = unit;
  for (const char c : decimals) {
    if (c < '0' || c > '9') return std::nullopt;
    if (digit_unit < 10) {
      digit_unit = 0;
      continue;
    }
    digit_unit /= 10;
    sum += (c - '0') * digit_unit;
  }
  return negative ? -sum : sum;
}

// "2026-11-24" of a text that begins so.
std::optional<std::string> day_of(std::string_view text) {
  text = ascii::trim(text).substr(0, 10);
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  for (const size_t i : {0u, 1u, 2u, 3u, 5u, 6u, 8u, 9u}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  return std::string(text);
}

// Without a date behind.
std::string model_of(std::string_view model) {
  model = ascii::trim(model);
  if (model.size() > 9 && model[model.size() - 9] == '-' && ascii::decimal(model.substr(model.size() - 8))) {
    model.remove_suffix(9);
  }
  return std::string(model);
}

// -- CSV (RFC 4180) --

// The fields of the next line, which is taken off.
std::vector<std::string> csv_fields(std::string_view& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        fields.back() += '"';
        ++at;
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      ++at;
      break;
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  text.remove_prefix(at);
  return fields;
}

std::optional<size_t> column(const std::vector<std::string>& head, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    for (size_t i = 0; i < head.size(); ++i) {
      if (ascii::equal_ignoring_case(ascii::trim(head[i]), name)) return i;
    }
  }
  return std::nullopt;
}

Expected<Costs> read_csv(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::vector<std::string> head = csv_fields(text);
  const auto day = column(head, {"usage_date_utc", "date", "day", "starting_at"});
  const auto cost = column(head, {"cost_usd", "amount_usd", "cost", "usd"});
  const auto model = column(head, {"model", "model_version"});
  if (!day || !cost) {
    return wrong(
        "is no cost report: a CSV needs a column usage_date_utc or date and a column cost_usd (dollars), and the Admin "
        "API's report is JSON");
  }
  Costs costs;
  for (size_t line = 2; !text.empty(); ++line) {
    const std::vector<std::string> fields = csv_fields(text);
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (fields.size() <= std::max(*day, *cost)) return wrong(fmt::format("line {} has too few columns", line));
    const auto when = day_of(fields[*day]);
    const auto sum = amount(fields[*cost], 100 * kCent);
    if (!when) return wrong(fmt::format("line {}: {} is no day", line, ascii::excerpt(fields[*day])));
    if (!sum) return wrong(fmt::format("line {}: {} are no dollars", line, ascii::excerpt(fields[*cost])));
    costs[{*when, model && *model < fields.size() ? model_of(fields[*model]) : std::string()}] += *sum;
    if (costs.size() > kGroupsMax) return wrong("has too many days and models");
  }
  return costs;
}

// -- JSON --

// The elements of an array's text, which is valid JSON.
std::vector<std::string_view> elements(std::string_view array) {
  std::vector<std::string_view> out;
  size_t depth = 0;
  size_t begin = 0;
  bool in_string = false;
  const auto take = [&](size_t end) {
    const std::string_view one = ascii::trim(array.substr(begin, end - begin));
    if (!one.empty()) out.push_back(one);
  };
  for (size_t at = 0; at < array.size(); ++at) {
    const char c = array[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (depth++ == 0) begin = at + 1;
    } else if (c == ']' || c == '}') {
      if (--depth == 0) take(at);
    } else if (c == ',' && depth == 1) {
      take(at);
      begin = at + 1;
    }
  }
  return out;
}

class JsonReport {
 public:
  Expected<Costs> read(std::string_view text) {
    auto data = field(text, "data", http::JsonType::kArray);
    if (!data) return wrong("is no cost report of the Admin API: it has no list `data`");
    if (const auto more = field(text, "has_more", http::JsonType::kBool); more && *more == "true")
      return wrong("is only a page of a report (has_more): fetch all pages, or ask with a larger limit");
    Costs costs;
    for (const std::string_view bucket : elements(*data)) {
      const auto when = day_of(string(bucket, "starting_at"));
      const auto results = field(bucket, "results", http::JsonType::kArray);
      if (!when || !results) return wrong("has a bucket without starting_at or results");
      for (const std::string_view one : elements(*results)) {
        const std::string text_of_amount = string(one, "amount");
        const auto sum = amount(text_of_amount, kCent);
        if (!sum) return wrong("has an amount that is no number: " + ascii::excerpt(text_of_amount));
        if (const std::string currency = string(one, "currency"); !currency.empty() && currency != "USD")
          return wrong("has amounts in " + ascii::excerpt(currency) + ", not in USD");
        costs[{*when, model_of(string(one, "model"))}] += *sum;
        if (costs.size() > kGroupsMax) return wrong("has too many days and models");
      }
      // A day without costs is a day of the report too.
      costs[{*when, ""}] += 0;
    }
    return costs;
  }

 private:
  // A field's text; owned, since scanning needs room behind it.
  std::optional<std::string> field(std::string_view object, std::string_view name, http::JsonType type) {
    std::string padded(object);
    padded.append(http::kJsonPadding, ' ');
    const std::string_view text = std::string_view(padded).substr(0, object.size());
    const auto fields = scanner_.scan_object(text);
    if (!fields) return std::nullopt;
    for (const http::JsonField& one : **fields) {
      if (one.key == name && one.type == type) return padded.substr(one.begin, one.end - one.begin);
    }
    return std::nullopt;
  }
  std::string string(std::string_view object, std::string_view name) {
    const auto span = field(object, name, http::JsonType::kString);
    return span ? http::json_string(*span).value_or("") : std::string();
  }

  http::JsonScanner scanner_;
};

bool within(int64_t booked, int64_t reported, double tolerance) {
  const int64_t difference = std::abs(booked - reported);
  return difference <= kCent || static_cast<double>(difference) <= tolerance * std::abs(static_cast<double>(reported));
}

}  // namespace

Expected<Costs> read_cost_report(std::string_view text) {
  const std::string_view begin = ascii::trim(text.substr(0, 64));
  return begin.starts_with('{') ? JsonReport().read(text) : read_csv(text);
}

Expected<Costs> booked_costs(const Place& place, const Period& period) {
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  if (!*reader) return nothing_booked(place);
  const auto ms = [](const std::optional<WallTime>& time, int64_t otherwise) {
    return time ? time->time_since_epoch().count() : otherwise;
  };
  auto rows = (*reader)->query(
      "SELECT c.started_at / 86400000, CASE a.model WHEN '' THEN c.model ELSE a.model END, sum(a.cost_nanodollars) "
      "FROM attempts a JOIN calls c ON c.seq = a.call WHERE c.started_at >= ?1 AND c.started_at < ?2 AND "
      "c.simulated = 0 AND a.cost_nanodollars <> 0 GROUP BY 1, 2",
      {ms(period.since, std::numeric_limits<int64_t>::min()), ms(period.until, std::numeric_limits<int64_t>::max())});
  if (!rows) return std::unexpected(rows.error());
  Costs costs;
  while (true) {
    const auto row = rows->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return costs;
    const std::string day = utc_day(WallTime(std::chrono::sys_days(std::chrono::days(rows->number(0)))));
    costs[{day, model_of(rows->text(1))}] += rows->number(2);
  }
}

Reconciled reconcile(const Costs& booked, const Costs& reported, double tolerance, bool json) {
  struct Line {
    std::string day, model;
    int64_t booked = 0, reported = 0;
  };
  std::map<std::pair<std::string, std::string>, Line> lines;
  std::map<std::string, Line> days;
  for (const auto& [key, sum] : reported) {
    Line& line = lines[key];
    line = {key.first, key.second, line.booked, sum};
    days[key.first].day = key.first;
    days[key.first].reported += sum;
  }
  for (const auto& [key, sum] : booked) {
    if (!days.contains(key.first)) continue;
    Line& line = lines[key];
    line = {key.first, key.second, sum, line.reported};
    days[key.first].booked += sum;
  }
  Line all{.day = "total", .model = {}};
  Reconciled out{.text = {}, .agrees = true};
  for (const auto& [day, line] : days) {
    all.booked += line.booked;
    all.reported += line.reported;
    out.agrees = out.agrees && within(line.booked, line.reported, tolerance);
  }
  out.agrees = out.agrees && within(all.booked, all.reported, tolerance);
  if (json) {
    out.text = "{\"rows\":[";
    bool first = true;
    for (const auto& [key, line] : lines) {
      if (line.booked == 0 && line.reported == 0) continue;
      out.text += std::exchange(first, false) ? "{\"day\":" : ",{\"day\":";
      metrics::append_quoted(out.text, line.day);
      out.text += ",\"model\":";
      metrics::append_quoted(out.text, line.model);
      out.text += fmt::format(",\"booked_nanodollars\":{},\"reported_nanodollars\":{}}}", line.booked, line.reported);
    }
    out.text += fmt::format("],\"booked_nanodollars\":{},\"reported_nanodollars\":{},\"agrees\":{}}}\n", all.booked,
                            all.reported, out.agrees);
    return out;
  }
  std::vector<std::array<std::string, 5>> table{{"DAY", "MODEL", "BOOKED", "REPORTED", "DIFFERENCE"}};
  const auto add = [&](const Line& line, bool whole) {
    std::string model;
    for (const char c : line.model) model += c >= 0x20 && c < 0x7f ? c : '?';
    if (model.empty()) model = whole ? "" : "(none)";
    const bool off = whole && !within(line.booked, line.reported, tolerance);
    table.push_back({line.day, model, dollars_text(line.booked), dollars_text(line.reported),
                     dollars_text(line.booked - line.reported) + (off ? " !" : "")});
  };
  for (auto at = lines.begin(); at != lines.end(); ++at) {
    const Line& line = at->second;
    if (line.booked != 0 || line.reported != 0) add(line, false);
    const auto next = std::next(at);
    if (next == lines.end() || next->first.first != line.day) add(days[line.day], true);
  }
  add(all, true);
  std::array<size_t, 5> widths{};
  for (const auto& line : table) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : table) {
    out.text += fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>{}}  {}\n", line[0], widths[0], line[1], widths[1], line[2],
                            widths[2], line[3], widths[3], line[4]);
  }
  if (!out.agrees) out.text += "\nWhat is marked with ! differs by more than the tolerance.\n";
  return out;
}

}  // namespace baton::ledger
