// Key rules: which names and keys an operator may give. Thread: any; pure. Bounds: auth::kKeyBytesMin and kKeyBytesMax
// for clients' keys.
#pragma once

#include <string>
#include <string_view>

namespace baton::config {

inline constexpr size_t kNameBytesMax = 64;
inline constexpr size_t kDomainBytesMax = 128;

// 1 to 64 letters, digits, dots, hyphens or underscores; for a domain 1 to 128 of them or slashes.
bool is_name(std::string_view text);
bool is_domain(std::string_view text);

// Why a text cannot be a key, as a phrase that follows "key: ", or nothing. It never repeats the key.
std::string key_fault(std::string_view key, size_t bytes_min);

}  // namespace baton::config
