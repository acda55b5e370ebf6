// seal(), unseal(): bytes that only who has the key can read or make. AES-256-GCM with a random nonce in front; `about`
// says what they belong to, is checked with them and is no part of them. Thread: any. Bounds: 28 bytes more than what
// is sealed. One key is good for some 2^32 texts; who seals more derives keys. Source: NIST SP 800-38D.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace baton {

std::string seal(const Sha256& key, std::string_view about, std::string_view plain);
// Nothing when it was made with another key, about something else, or not by seal().
std::optional<std::string> unseal(const Sha256& key, std::string_view about, std::string_view sealed);

}  // namespace baton
