// Deadline: how long a client is willing to wait, from its head: baton-deadline, else the timeout its SDK states.
// Pure. Source: the vendor's SDKs send x-stainless-timeout in seconds (read 2026-11).
#pragma once

#include <optional>
#include <string_view>

#include "base/units.h"
#include "http/http1.h"

namespace baton::relay {

// "30s", "500ms", "2m", "1h"; a bare number is seconds. Nothing for anything else, zero, or more than a day.
std::optional<Duration> read_wait(std::string_view text);
std::optional<Duration> client_patience(const http::RequestHead& head);

}  // namespace baton::relay
