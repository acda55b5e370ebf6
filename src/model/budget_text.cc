#include "model/budget_text.h"

#include "base/ascii.h"

namespace baton::model {
namespace {

constexpr int64_t kNanodollars = 1'000'000'000;
constexpr std::string_view kDollars = "must be dollars such as 50 or 0.25, more than 0 and with at most nine decimals";
constexpr std::string_view kBudget = "must be dollars and a period: 50/day or 500/month";
constexpr std::string_view kReserve = "must be learned, strict or cap:DOLLARS";

std::unexpected<std::string> refuse(std::string_view reason) { return std::unexpected(std::string(reason)); }

std::string plain_dollars(int64_t nanodollars) {
  std::string out = std::to_string(nanodollars / kNanodollars);
  std::string decimals = std::to_string(nanodollars % kNanodollars);
  decimals.insert(0, 9 - decimals.size(), '0');
  while (!decimals.empty() && decimals.back() == '0') decimals.pop_back();
  return decimals.empty() ? out : out + "." + decimals;
}

}  // namespace

BudgetParsed<int64_t> parse_dollars(std::string_view text) {
  if (text.starts_with('$')) text.remove_prefix(1);
  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string decimals(dot == text.npos ? std::string_view{} : text.substr(dot + 1));
  if (whole.size() > 9 || decimals.size() > 9 || (dot != text.npos && decimals.empty())) return refuse(kDollars);
  decimals.resize(9, '0');
  const auto high = ascii::decimal(whole);
  const auto low = ascii::decimal(decimals);
  if (!high || !low) return refuse(kDollars);
  const int64_t amount = static_cast<int64_t>(*high) * kNanodollars + static_cast<int64_t>(*low);
  if (amount == 0) return refuse(kDollars);
  return amount;
}

BudgetParsed<Budget> parse_budget(std::string_view text, Budget budget) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return refuse(kBudget);
  const auto amount = parse_dollars(text.substr(0, slash));
  const std::string_view period = text.substr(slash + 1);
  if (!amount || (period != "day" && period != "month")) return refuse(kBudget);
  (period == "day" ? budget.day_nanodollars : budget.month_nanodollars) = *amount;
  return budget;
}

BudgetParsed<Budget> parse_reserve(std::string_view text, Budget budget) {
  static constexpr std::string_view kCap = "cap:";
  if (text == "learned") {
    budget.reserve = Reserve::kLearned;
  } else if (text == "strict") {
    budget.reserve = Reserve::kStrict;
  } else if (text.starts_with(kCap)) {
    const auto amount = parse_dollars(text.substr(kCap.size()));
    if (!amount) return refuse(kReserve);
    budget.reserve = Reserve::kCap;
    budget.cap_nanodollars = *amount;
  } else {
    return refuse(kReserve);
  }
  return budget;
}

std::string reserve_text(const Budget& budget) {
  switch (budget.reserve) {
    case Reserve::kLearned: return "learned";
    case Reserve::kStrict: return "strict";
    case Reserve::kCap: return "cap:" + plain_dollars(budget.cap_nanodollars);
  }
  return {};
}

std::string budget_text(const Budget& budget) {
  std::string out;
  if (budget.day_nanodollars > 0) out += plain_dollars(budget.day_nanodollars) + "/day";
  if (budget.month_nanodollars > 0) {
    out += (out.empty() ? "" : " ") + plain_dollars(budget.month_nanodollars) + "/month";
  }
  if (out.empty()) return out;
  if (budget.reserve != Reserve::kLearned) out += " " + reserve_text(budget);
  return out;
}

}  // namespace baton::model
