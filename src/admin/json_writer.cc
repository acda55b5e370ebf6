#include "admin/json_writer.h"

#include <fmt/format.h>

#include "ledger/price_table.h"
#include "metrics/log_text.h"

namespace baton::admin {

JsonWriter& JsonWriter::open(char bracket) {
  value();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

void JsonWriter::value() {
  if (comma_) out_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value();
  metrics::append_quoted(out_, name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view text) {
  value();
  metrics::append_quoted(out_, text);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  value();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::number(int64_t number) {
  value();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return *this;
}

JsonWriter& JsonWriter::number(double number) {
  value();
  std::string digits = fmt::format("{:.3f}", number);
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  out_ += digits == "-0" || digits == "nan" || digits == "inf" ? "0" : digits;
  return *this;
}

JsonWriter& JsonWriter::time(WallTime time) { return text(rfc3339_text(time)); }

JsonWriter& JsonWriter::ms(Duration duration) { return number(static_cast<double>(duration.count()) / 1e6); }

JsonWriter& JsonWriter::dollars(std::optional<int64_t> nanodollars) {
  if (!nanodollars) return null();
  std::string text = ledger::dollars_text(*nanodollars);
  text.erase(text.find('$'), 1);
  return this->text(text);
}

std::string rfc3339_text(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace baton::admin
