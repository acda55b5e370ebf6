#include "config/value.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/ascii.h"

namespace baton::config {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 4> kTimeUnits{
    {{"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}}};
constexpr std::array<Unit, 7> kSizeUnits{
    {{"B", 1}, {"KB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"KiB", kKiB}, {"MiB", kMiB}, {"GiB", kGiB}}};

std::unexpected<std::string> no(std::string reason) { return std::unexpected(std::move(reason)); }

// Digits without a leading zero, which some readers take for octal.
std::optional<uint64_t> plain_digits(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return ascii::decimal(text);
}

struct UnitsOf {
  std::string_view what;      // "a duration"
  std::string_view examples;  // "\"250ms\", \"10s\", \"15m\" or \"24h\""
};

template <size_t N>
Parsed<uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units, const UnitsOf& names) {
  const std::string must = "must be " + std::string(names.what) + " such as " + std::string(names.examples);
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const auto number = plain_digits(text.substr(0, digits));
  const std::string_view unit_name = text.substr(digits);
  if (text.starts_with('-')) return no("must not be negative; it " + must);
  if (digits == 0) return no(must);
  if (!number) return no("is too large or begins with a zero; it " + must);
  if (unit_name.empty()) {
    if (*number == 0) return uint64_t{0};
    return no("has no unit; it " + must);
  }
  for (const Unit& unit : units) {
    if (unit.name != unit_name) continue;
    if (*number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / unit.factor) return no("is too large");
    return *number * unit.factor;
  }
  return no("has the unit \"" + ascii::excerpt(unit_name) + "\", which is not known here; it " + must);
}

template <size_t N>
std::string text_with_unit(uint64_t value, const std::array<Unit, N>& units) {
  if (value == 0) return "0";
  const Unit* best = nullptr;
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && (best == nullptr || unit.factor > best->factor)) best = &unit;
  }
  if (best == nullptr) return std::to_string(value);
  return std::to_string(value / best->factor) + std::string(best->name);
}

bool is_numeric_address(const std::string& address) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
}

}  // namespace

Parsed<Duration> parse_duration(std::string_view text) {
  const auto value = parse_with_unit(text, kTimeUnits, {"a duration", "\"250ms\", \"10s\", \"15m\" or \"24h\""});
  if (!value) return no(value.error());
  return Duration{static_cast<int64_t>(*value)};
}

Parsed<uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizeUnits, {"a size", "\"256KiB\", \"32MB\" or \"1GiB\""});
}

Parsed<uint64_t> parse_count(std::string_view text) {
  if (text.starts_with('-')) return no("must not be negative");
  const auto value = plain_digits(text);
  if (!value) return no("must be a whole number in digits");
  return *value;
}

Parsed<double> parse_share(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const bool digits_first = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (error != std::errc{} || end != text.data() + text.size() || !digits_first || !(value >= 0 && value <= 1)) {
    return no("must be a number from 0 to 1 such as 0.05");
  }
  return value;
}

Parsed<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return no("must be true or false");
}

std::string duration_text(Duration value) { return text_with_unit(static_cast<uint64_t>(value.count()), kTimeUnits); }

std::string size_text(uint64_t bytes) { return text_with_unit(bytes, kSizeUnits); }

std::string share_text(double value) {
  std::array<char, 32> out;
  const auto [end, error] = std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::fixed);
  return error == std::errc{} ? std::string(out.data(), end) : std::string("0");
}

Parsed<HostPort> parse_listen_address(std::string_view text, PortZero zero) {
  const std::string must =
      "must be an address and a port such as \"127.0.0.1:8787\", \"0.0.0.0:8787\" or \"[::1]:8787\"";
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return no(must);
  std::string_view host = text.substr(0, colon);
  const auto port = plain_digits(text.substr(colon + 1));
  if (!port) return no(must);
  if (*port > 65535) return no("has the port " + ascii::excerpt(text.substr(colon + 1)) + "; ports end at 65535");
  if (*port == 0 && zero == PortZero::kRefused) return no("has the port 0; choose one from 1 to 65535");
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host == "localhost") host = "127.0.0.1";
  const std::string address(host);
  const bool is_v6 = address.find(':') != address.npos;
  if (is_v6 != bracketed || !is_numeric_address(address)) return no(must);
  return HostPort{address, static_cast<uint16_t>(*port)};
}

}  // namespace baton::config
