#include "sim/page.h"

#include <algorithm>

#include "base/ascii.h"

namespace baton::sim {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ascii::lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

Answered<size_t> find(const Listing& listing, std::string_view name, std::string_view id) {
  for (size_t i = 0; i < listing.size; ++i) {
    if (listing.id(i) == id) return i;
  }
  return invalid(std::string(name) + ": no such object");
}

}  // namespace

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
  std::vector<std::string> out;
  if (query.starts_with('?')) query.remove_prefix(1);
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    size_t equals = pair.find('=');
    if (decoded(pair.substr(0, equals)) != name) continue;
    out.push_back(equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1)));
  }
  return out;
}

Answered<std::string> page(const Listing& listing, std::string_view query) {
  size_t limit = 20;
  if (auto given = query_values(query, "limit"); !given.empty()) {
    auto value = ascii::decimal(given.back());
    if (!value || *value < 1) return invalid("limit: Input should be greater than or equal to 1");
    if (*value > 1000) return invalid("limit: Input should be less than or equal to 1000");
    limit = static_cast<size_t>(*value);
  }
  size_t from = 0;
  size_t to = listing.size;
  bool backwards = false;
  if (auto after = query_values(query, "after_id"); !after.empty()) {
    auto at = find(listing, "after_id", after.back());
    if (!at) return std::unexpected(at.error());
    from = *at + 1;
  } else if (auto before = query_values(query, "before_id"); !before.empty()) {
    auto at = find(listing, "before_id", before.back());
    if (!at) return std::unexpected(at.error());
    to = *at;
    backwards = true;
  }
  bool more = to - from > limit;
  if (more && backwards) from = to - limit;
  if (more && !backwards) to = from + limit;
  std::string out = R"({"data":[)";
  for (size_t i = from; i < to; ++i) {
    if (i > from) out += ',';
    listing.append(out, i);
  }
  out += more ? R"(],"has_more":true)" : R"(],"has_more":false)";
  auto id = [&](std::string_view name, size_t index) {
    out += ",\"";
    out += name;
    out += "\":";
    if (from == to) {
      out += "null";
    } else {
      out += '"';
      out += listing.id(index);
      out += '"';
    }
  };
  id("first_id", from);
  id("last_id", to - 1);
  out += '}';
  return out;
}

}  // namespace baton::sim
