#include "config/price_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/ascii.h"

namespace baton::config {
namespace {

using ledger::Price;
using ledger::Rates;

constexpr int64_t kPerWhole = 1'000'000;
constexpr size_t kIdBytesMax = 256;

[[noreturn]] void refuse(const Source& source, const Place& place, std::string reason) {
  source.refuse(place.node.line, place.key, std::move(reason));
}

// A decimal number with at most six decimals, in millionths.
std::optional<int64_t> millionths(std::string_view text) {
  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string decimals(dot == text.npos ? std::string_view{} : text.substr(dot + 1));
  if (whole.size() > 9 || (dot != text.npos && decimals.empty()) || decimals.size() > 6) return std::nullopt;
  decimals.resize(6, '0');
  const auto high = ascii::decimal(whole);
  const auto low = ascii::decimal(decimals);
  if (!high || !low) return std::nullopt;
  return static_cast<int64_t>(*high) * kPerWhole + static_cast<int64_t>(*low);
}

int64_t read_amount(const Source& source, const Place& place) {
  const auto amount = millionths(checked_text(source, place, Secrecy::kPublic));
  if (!amount) refuse(source, place, "must be a number of dollars such as 2.5, with at most six decimals");
  return *amount;
}

std::chrono::sys_days read_day(const Source& source, const Place& place) {
  const std::string text = checked_text(source, place, Secrecy::kPublic);
  int parts[3] = {};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  bool good = text.size() == 10;
  for (int i = 0; i < 3 && good; ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    good = error == std::errc{} && next - at == (i == 0 ? 4 : 2) && (i == 2 ? next == end : *next == '-');
    at = next + 1;
  }
  const std::chrono::year_month_day day(std::chrono::year(parts[0]),
                                        std::chrono::month(static_cast<unsigned>(parts[1])),
                                        std::chrono::day(static_cast<unsigned>(parts[2])));
  if (!good || !day.ok()) refuse(source, place, "must be a day such as 2026-10-07");
  return day;
}

std::vector<Place> items(const Source& source, const Place& list) {
  if (list.node.kind != Node::Kind::kList) refuse(source, list, "must be a list");
  if (list.node.items.size() > kPricesMax) refuse(source, list, "has too many items");
  std::vector<Place> out;
  out.reserve(list.node.items.size());
  for (const Node& item : list.node.items) out.push_back({item, list.key + "[" + std::to_string(out.size()) + "]"});
  return out;
}

struct Named {
  std::string_view name;
  int64_t Rates::* rate;
};
constexpr Named kRates[] = {{"input", &Rates::input},
                            {"output", &Rates::output},
                            {"cache_write_5m", &Rates::cache_write_5m},
                            {"cache_write_1h", &Rates::cache_write_1h},
                            {"cache_read", &Rates::cache_read}};

// The five prices of a map; cache prices that are not given follow from the input's, as the vendor's do.
Rates read_rates(const Source& source, const Place& place) {
  Rates rates;
  for (const auto& [name, rate] : kRates) {
    if (const Node* node = place.node.find(name))
      rates.*rate = read_amount(source, {*node, place.key + "." + std::string(name)});
  }
  for (std::string_view required : {"input", "output"}) {
    if (place.node.find(required) == nullptr) refuse(source, place, "has no " + std::string(required));
  }
  if (place.node.find("cache_write_5m") == nullptr) rates.cache_write_5m = rates.input * 5 / 4;
  if (place.node.find("cache_write_1h") == nullptr) rates.cache_write_1h = rates.input * 2;
  if (place.node.find("cache_read") == nullptr) rates.cache_read = rates.input / 10;
  return rates;
}

// A map of rates below a price: no other keys than those, and `more`.
Rates read_nested(const Source& source, const Place& place, std::string_view more) {
  if (place.node.kind != Node::Kind::kMap) refuse(source, place, "must be a map of prices");
  std::vector<std::string_view> known;
  for (const auto& [name, rate] : kRates) known.push_back(name);
  if (!more.empty()) known.push_back(more);
  for (const Node& field : place.node.items) {
    if (std::ranges::find(known, field.key) != known.end()) continue;
    refuse_unknown(source, {field, place.key + "." + field.key}, std::string(suggest(field.key, known)));
  }
  return read_rates(source, place);
}

void read_other(const Source& source, std::string_view row, const Place& place, Price& out) {
  if (row == "aliases") {
    for (const Place& item : items(source, place)) out.aliases.push_back(checked_text(source, item, Secrecy::kPublic));
  } else if (row == "from") {
    out.from = read_day(source, place);
  } else if (row == "until") {
    out.until = read_day(source, place);
  } else if (row == "fast") {
    out.fast = read_nested(source, place, {});
  } else if (row == "long_prompt") {
    const Node* above = place.node.find("above");
    out.long_prompt = Price::LongPrompt{.rates = read_nested(source, place, "above")};
    if (above == nullptr) refuse(source, place, "has no above");
    const Place here{*above, place.key + ".above"};
    out.long_prompt->above_tokens = static_cast<int64_t>(
        checked_number(source, here, Kind::kCount, checked_text(source, here, Secrecy::kPublic), 1, 1'000'000'000));
  } else if (row == "batch") {
    out.batch_ppm = read_multiplier(source, place);
  } else if (row == "multiplier") {
    out.multiplier_ppm = read_multiplier(source, place);
  } else if (row == "web_search") {
    out.web_search_picodollars = read_amount(source, place) * 1000;  // for a thousand
  } else if (row == "web_fetch") {
    out.web_fetch_picodollars = read_amount(source, place) * 1000;
  }
}

Price read_price(const Source& source, const Place& item) {
  Price price;
  read_fields<Price>(
      source, item, price_table(),
      [&source](std::string_view row, const Place& place, Price& out) { read_other(source, row, place, out); }, price);
  if (price.model.empty()) refuse(source, item, "has no model");
  if (price.model.size() > kIdBytesMax) refuse(source, item, "has a model with too long an id");
  if (price.until && *price.until <= price.from) refuse(source, item, "ends before it begins");
  price.rates = read_rates(source, item);
  return price;
}

}  // namespace

int64_t read_multiplier(const Source& source, const Place& place) {
  const auto value = millionths(checked_text(source, place, Secrecy::kPublic));
  if (!value || *value > 100 * kPerWhole) {
    refuse(source, place, "must be a number from 0 to 100 such as 0.85, with at most six decimals");
  }
  return *value;
}

std::vector<Price> read_prices(const Source& source, const Place& place) {
  std::vector<Price> out;
  for (const Place& item : items(source, place)) {
    Price price = read_price(source, item);
    for (const Price& other : out) {
      if (other.model == price.model && other.from == price.from) {
        refuse(source, item, "has the model and the day of another item");
      }
    }
    out.push_back(std::move(price));
  }
  return out;
}

ledger::PriceList read_price_list(const Source& source, const Place& root) {
  ledger::PriceList list;
  static constexpr std::string_view kKnown[] = {"multiplier", "models"};
  for (const Node& field : root.node.items) {
    const Place place{field, field.key};
    if (field.key == "multiplier") {
      list.multiplier_ppm = read_multiplier(source, place);
    } else if (field.key == "models") {
      list.prices = read_prices(source, place);
    } else {
      refuse_unknown(source, place, std::string(suggest(field.key, kKnown)));
    }
  }
  return list;
}

}  // namespace baton::config
