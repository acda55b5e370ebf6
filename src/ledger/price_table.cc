#include "ledger/price_table.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <utility>

namespace baton::ledger {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kWhole = 1'000'000;  // parts per million

// Input, output, writes for 5 min and 1 h, reads. In picodollars per token: 2.5 $ per million are 2'500'000.
constexpr Rates kFable5{10'000'000, 50'000'000, 12'500'000, 20'000'000, 1'000'000};
constexpr Rates kFable51{10'000'000, 50'000'000, 12'500'000, 20'000'000, 250'000};
constexpr Rates kOpus55{4'000'000, 20'000'000, 5'000'000, 8'000'000, 200'000};
constexpr Rates kOpus55Fast{8'000'000, 40'000'000, 10'000'000, 16'000'000, 400'000};
constexpr Rates kOpus{5'000'000, 25'000'000, 6'250'000, 10'000'000, 500'000};
constexpr Rates kSonnet55{2'000'000, 10'000'000, 2'500'000, 4'000'000, 100'000};
constexpr Rates kSonnet5{2'000'000, 10'000'000, 2'500'000, 4'000'000, 200'000};
constexpr Rates kSonnet4{3'000'000, 15'000'000, 3'750'000, 6'000'000, 300'000};
constexpr Rates kHaiku55{100'000, 500'000, 125'000, 200'000, 10'000};
constexpr Rates kHaiku55Long{500'000, 2'500'000, 625'000, 1'000'000, 50'000};
constexpr Rates kHaiku45{1'000'000, 5'000'000, 1'250'000, 2'000'000, 100'000};

bool is_date_suffix(std::string_view text) {
  return text.size() == 9 && text.front() == '-' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// How well a price's name fits: 0 not at all; an exact id above a dated one above a beginning, the longest first.
size_t fit(std::string_view name, std::string_view model) {
  if (name == model) return 100'000;
  if (name.ends_with('*')) {
    name.remove_suffix(1);
    return model.starts_with(name) ? 1 + name.size() : 0;
  }
  constexpr size_t kDateBytes = 9;
  if (model.size() != name.size() + kDateBytes) return 0;
  return model.starts_with(name) && is_date_suffix(model.substr(name.size())) ? 50'000 : 0;
}

size_t fit(const Price& price, std::string_view model) {
  size_t best = fit(std::string_view(price.model), model);
  for (const std::string& alias : price.aliases) best = std::max(best, fit(std::string_view(alias), model));
  return best;
}

bool holds(const Price& price, std::chrono::sys_days day) {
  return price.from <= day && (!price.until || day < *price.until);
}

const Price* best_of(const PriceList& list, std::string_view model, std::chrono::sys_days day) {
  const Price* best = nullptr;
  size_t best_fit = 0;
  for (const Price& price : list.prices) {
    if (!holds(price, day)) continue;
    const size_t here = fit(price, model);
    if (here == 0 || here < best_fit || (here == best_fit && best != nullptr && price.from < best->from)) continue;
    best = &price;
    best_fit = here;
  }
  return best;
}

std::atomic<uint64_t> next_serial{0};

using Wide = __int128;

Wide token_cost(const Rates& rates, const model::Usage& usage) {
  // What is not said to be for an hour was written for five minutes.
  const int64_t write_1h = usage.cache_creation_1h_input_tokens;
  const int64_t write_5m = std::max(usage.cache_creation_input_tokens - write_1h, usage.cache_creation_5m_input_tokens);
  Wide sum = 0;
  sum += Wide{usage.input_tokens} * rates.input;
  sum += Wide{usage.output_tokens} * rates.output;
  sum += Wide{write_5m} * rates.cache_write_5m;
  sum += Wide{write_1h} * rates.cache_write_1h;
  sum += Wide{usage.cache_read_input_tokens} * rates.cache_read;
  return sum;
}

}  // namespace

PriceTable::PriceTable() : PriceTable({}, {}) {}

PriceTable::PriceTable(PriceList configured, PriceList file) : serial_(next_serial.fetch_add(1) + 1) {
  for (const PriceList* list : {&configured, &file}) {
    if (!list->multiplier_ppm) continue;
    multiplier_ppm_ = *list->multiplier_ppm;
    break;
  }
  lists_[0] = std::move(configured);
  lists_[1] = std::move(file);
  lists_[2] = built_in();
}

PriceTable::Found PriceTable::find(std::string_view model, WallTime at) const {
  struct Asked {
    uint64_t serial = 0;
    std::chrono::sys_days day;
    std::string model;
    Found found;
  };
  thread_local Asked last;
  const auto day = std::chrono::floor<std::chrono::days>(at);
  if (last.serial == serial_ && last.day == day && last.model == model) return last.found;
  last.serial = 0;  // should there be no memory for the name
  last.model = model;
  last.found = search(model, day);
  last.day = day;
  last.serial = serial_;
  return last.found;
}

PriceTable::Found PriceTable::search(std::string_view model, std::chrono::sys_days day) const {
  for (const PriceList& list : lists_) {
    if (const Price* price = best_of(list, model, day)) return {price, price->multiplier_ppm.value_or(multiplier_ppm_)};
  }
  return {};
}

std::optional<int64_t> PriceTable::cost(std::string_view model, const model::Usage& usage, WallTime at) const {
  return cost(find(model, at), usage);
}

std::optional<PriceTable::Compared> PriceTable::costs(std::string_view model, const model::Usage& usage,
                                                      WallTime at) const {
  const Found found = find(model, at);
  const auto real = cost(found, usage);
  if (!real) return std::nullopt;
  Compared out{*real, *real, *real};
  if (usage.tier == model::ServiceTier::kBatch) {
    model::Usage alone = usage;
    alone.tier = model::ServiceTier::kStandard;
    out.unbatched = cost(found, alone).value_or(*real);
  }
  if (usage.cache_read_input_tokens + usage.cache_creation_input_tokens == 0) return out;
  model::Usage fresh = usage;
  fresh.input_tokens += usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
  fresh.cache_read_input_tokens = fresh.cache_creation_input_tokens = 0;
  fresh.cache_creation_5m_input_tokens = fresh.cache_creation_1h_input_tokens = 0;
  out.uncached = cost(found, fresh).value_or(*real);
  return out;
}

std::optional<int64_t> PriceTable::cost(const Found& found, const model::Usage& usage) {
  const auto [price, multiplier] = found;
  if (price == nullptr) return std::nullopt;
  if (usage.fast && !price->fast) return std::nullopt;
  const Rates* rates = &price->rates;
  const int64_t prompt = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
  if (usage.fast) {
    rates = &*price->fast;
  } else if (price->long_prompt && prompt > price->long_prompt->above_tokens) {
    rates = &price->long_prompt->rates;
  }
  // Picodollars times a million, so that shares in millionths stay exact.
  Wide sum = token_cost(*rates, usage) * (usage.tier == model::ServiceTier::kBatch ? price->batch_ppm : kWhole);
  sum += (Wide{usage.web_search_requests} * price->web_search_picodollars +
          Wide{usage.web_fetch_requests} * price->web_fetch_picodollars) *
         kWhole;
  sum *= multiplier;
  constexpr Wide kPerNanodollar = Wide{1000} * kWhole * kWhole;
  const Wide nanodollars = (sum + kPerNanodollar / 2) / kPerNanodollar;
  if (nanodollars > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(nanodollars);
}

std::optional<int64_t> PriceTable::upper_bound(std::string_view model, const model::CallWeight& weight,
                                               WallTime at) const {
  const auto [price, multiplier] = find(model, at);
  if (price == nullptr) return std::nullopt;
  int64_t input = 0;
  int64_t output = 0;
  const auto dearest = [&](const Rates& rates) {
    input = std::max({input, rates.input, rates.cache_write_5m, rates.cache_write_1h, rates.cache_read});
    output = std::max(output, rates.output);
  };
  dearest(price->rates);
  if (price->fast) dearest(*price->fast);
  if (price->long_prompt) dearest(price->long_prompt->rates);
  Wide sum = Wide{weight.input_tokens} * input + Wide{weight.output_tokens} * output +
             Wide{weight.web_searches} * price->web_search_picodollars +
             Wide{weight.web_fetches} * price->web_fetch_picodollars;
  sum *= multiplier;
  constexpr Wide kPerNanodollar = Wide{1000} * kWhole;
  const Wide nanodollars = (sum + kPerNanodollar - 1) / kPerNanodollar;
  if (nanodollars > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(nanodollars);
}

PriceList PriceTable::built_in() {
  PriceList list;
  const auto add = [&list](std::string model, const Rates& of) -> Price& {
    list.prices.push_back({.model = std::move(model), .rates = of});
    return list.prices.back();
  };
  for (const char* model : {"claude-fable-5", "claude-mythos-5"}) add(model, kFable5);
  for (const char* model : {"claude-fable-5-1", "claude-mythos-5-1"}) add(model, kFable51);
  add("claude-opus-5-5", kOpus55).fast = kOpus55Fast;
  for (const char* model :
       {"claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5"}) {
    add(model, kOpus);
  }
  add("claude-sonnet-5-5", kSonnet5);
  add("claude-sonnet-5-5", kSonnet55).from = std::chrono::sys_days(2026y / 10 / 7);
  add("claude-sonnet-5", kSonnet5);
  for (const char* model : {"claude-sonnet-4-6", "claude-sonnet-4-5"}) add(model, kSonnet4);
  add("claude-haiku-5-5", kHaiku55).long_prompt = Price::LongPrompt{100'000, kHaiku55Long};
  add("claude-haiku-4-5", kHaiku45);
  return list;
}

std::string dollars_text(int64_t nanodollars) {
  const bool negative = nanodollars < 0;
  const uint64_t amount = negative ? 0 - static_cast<uint64_t>(nanodollars) : static_cast<uint64_t>(nanodollars);
  std::string digits = std::to_string(amount % 1'000'000'000);
  digits.insert(0, 9 - digits.size(), '0');
  while (digits.size() > 2 && digits.back() == '0') digits.pop_back();
  return (negative ? "-$" : "$") + std::to_string(amount / 1'000'000'000) + "." + digits;
}

}  // namespace baton::ledger
