#include "auth/right_rules.h"

#include <algorithm>

#include "auth/client_key.h"
#include "base/ascii.h"
#include "net/address.h"

namespace baton::auth {

bool is_key_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    const char small = ascii::lower(c);
    return (c >= '0' && c <= '9') || (small >= 'a' && small <= 'z') || c == '.' || c == '-' || c == '_';
  });
}

bool is_model_pattern(std::string_view text) {
  return !text.empty() && text.size() <= 256 &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != ','; }) &&
         text.substr(0, text.size() - 1).find('*') == text.npos;
}

bool is_account_pattern(std::string_view text) {
  return is_key_name(text.ends_with('*') && text.size() > 1 ? text.substr(0, text.size() - 1) : text);
}

bool is_endpoint(std::string_view text) {
  const auto names = endpoint_names();
  return std::ranges::find(names, text) != names.end();
}

bool is_address_block(std::string_view text) { return net::Cidr::parse(text).has_value(); }

}  // namespace baton::auth
