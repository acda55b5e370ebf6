#include "conformance/report.h"

#include <algorithm>

#include "http/json.h"

namespace baton::conformance {

namespace {

constexpr size_t kNameWidth = 24;

std::string padded(std::string_view text, size_t width) {
  std::string out(text);
  out.resize(std::max(width, out.size() + 1), ' ');
  return out;
}

std::string_view mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return "  pass  ";
    case Verdict::kFail: return "  FAIL  ";
    case Verdict::kNotApplicable: return "  n/a   ";
    case Verdict::kSkipped: return "  skip  ";
  }
  return "  FAIL  ";
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  out.append(",\"").append(key).append("\":");
  http::append_json_string(out, value);
}

}  // namespace

std::string row_text(const Result& result, bool first_of_part) {
  std::string out;
  if (first_of_part) out.append("\n").append(result.part).append("\n");
  const Finding& finding = result.finding;
  out.append(mark(finding.verdict)).append(padded(result.row->name, kNameWidth)).append(result.row->sentence);
  if (finding.verdict == Verdict::kPass && !finding.note.empty()) out.append(" (").append(finding.note).append(")");
  out += '\n';
  const std::string indent(8, ' ');
  if (finding.verdict == Verdict::kFail) {
    out.append(indent).append("expected  ").append(finding.expected).append("\n");
    out.append(indent).append("seen      ").append(finding.seen).append("\n");
  } else if (finding.verdict != Verdict::kPass) {
    out.append(indent).append(finding.note).append("\n");
  }
  return out;
}

std::string totals_text(const std::vector<Result>& results, Duration took) {
  const Totals totals = totals_of(results);
  std::string out = "\n" + std::to_string(totals.passed) + " passed, " + std::to_string(totals.failed) + " failed";
  if (totals.not_applicable > 0) out += ", " + std::to_string(totals.not_applicable) + " not applicable";
  if (totals.skipped > 0) out += ", " + std::to_string(totals.skipped) + " skipped";
  return out + " in " + std::to_string(milliseconds(took) / 1000) + "." +
         std::to_string(milliseconds(took) / 100 % 10) + " s\n";
}

std::string report_json(std::string_view gateway, std::string_view upstream, size_t accounts,
                        const std::vector<Result>& results) {
  const Totals totals = totals_of(results);
  std::string out = "{\"gateway\":";
  http::append_json_string(out, gateway);
  append_member(out, "upstream", upstream);
  out += ",\"accounts\":" + std::to_string(accounts) + ",\"passed\":" + std::to_string(totals.passed) +
         ",\"failed\":" + std::to_string(totals.failed) +
         ",\"not_applicable\":" + std::to_string(totals.not_applicable) +
         ",\"skipped\":" + std::to_string(totals.skipped) + ",\"rows\":[";
  for (const Result& result : results) {
    if (&result != &results.front()) out += ',';
    out += "{\"name\":";
    http::append_json_string(out, result.row->name);
    append_member(out, "part", result.part);
    append_member(out, "rule", result.row->sentence);
    append_member(out, "verdict", name(result.finding.verdict));
    if (!result.finding.expected.empty()) append_member(out, "expected", result.finding.expected);
    if (!result.finding.seen.empty()) append_member(out, "seen", result.finding.seen);
    if (!result.finding.note.empty()) append_member(out, "note", result.finding.note);
    out += ",\"ms\":" + std::to_string(milliseconds(result.took)) + "}";
  }
  return out + "]}\n";
}

std::string list_text() {
  std::string out;
  for (const Part& part : parts()) {
    if (!out.empty()) out += '\n';
    out.append(part.title).append("\n");
    for (const Row& row : part.rows) {
      out.append("  ").append(padded(row.name, kNameWidth)).append(row.sentence);
      out.append(row.slow ? " (--slow)\n" : "\n");
    }
  }
  return out;
}

}  // namespace baton::conformance
