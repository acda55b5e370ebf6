// Rules: whether a call may be answered from what is kept, and whether its answer may be kept. Asked before anything is
// computed. Life: pure. Thread: any. Source: RFC 9111 5.2.1, as far as it concerns a request, and RFC 5861, whose two
// directives a caller may set here (read 2026-11).
#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/units.h"
#include "http/http1.h"
#include "reuse/config.h"

namespace baton::reuse {

struct Rules {
  bool look = false;     // for a kept answer
  bool keep = false;     // the answer
  bool similar = false;  // as far as the caller says, an answer to the same in other words will do
  Duration age_max = Duration::max();
  // How long an answer may have been stale: as it is; while it is asked for anew; in place of an error. Nothing: the
  // caller does not say.
  Duration stale_max{0};
  std::optional<Duration> stale_while_revalidate = {};
  std::optional<Duration> stale_if_error = {};
  bool any() const { return look || keep; }
};

// By default nothing is reused. `baton-cache: on` allows it and `refresh` asks anew and keeps the answer; without the
// field, a call of API version 2023-06-01 whose temperature is 0 is allowed too, for it asks for one answer, not for
// several. `exact` is `on` for the very same question only. `off` and a Cache-Control of no-store forbid it; no-cache
// is like refresh, max-age bounds the age of what is served; max-stale, stale-while-revalidate and stale-if-error allow
// what is older. kBadRequest with a sentence: baton-cache twice, or with another value. `on_by_default`: a call without
// the field is treated as if it said `on`.
Expected<Rules> rules_of(const http::RequestHead& head, bool temperature_zero, bool on_by_default = false);

// What the operator lets such a call's answers be stale, where the caller does not say.
StaleAllowed stale_allowed(const Config& config, std::string_view model, std::string_view client,
                           std::string_view team);

}  // namespace baton::reuse
