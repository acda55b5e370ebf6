// What concerns the fields of a head together, judged when all of them are there: which may come only once, what
// Connection says, how long the body is, which host is meant. Private to http/. Thread: any. Source: RFC
// 9110 7.6.1, 10.1.1, RFC 9112 3.2, 6.1-6.3 (read 2026-11).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ascii.h"
#include "http/detail/field_table.h"
#include "http/http1.h"

namespace baton::http::detail {

constexpr uint64_t bit(FieldId id) { return uint64_t{1} << static_cast<unsigned>(id); }

// Which ids came, which came again, and where each was last.
struct Seen {
  uint64_t once = 0;
  uint64_t again = 0;
  bool twin = false;  // a name with '_' that would be a known one with '-'
  std::array<uint32_t, kFieldIds> at;

  bool has(FieldId id) const { return (once & bit(id)) != 0; }
  bool twice(FieldId id) const { return (again & bit(id)) != 0; }
  std::string_view value(const Head& head, FieldId id) const { return head.fields[at[static_cast<size_t>(id)]].value; }
};

// Whether `name`, written with '-' in place of '_', is a known field.
bool is_twin(std::string_view name);

constexpr bool is_hex(char c) { return (c >= '0' && c <= '9') || (ascii::lower(c) >= 'a' && ascii::lower(c) <= 'f'); }

// The authority of an absolute target ("http://host:port/..."), or nothing when the target has another form.
std::optional<std::string_view> authority_of(std::string_view target);

// Judge a head whose lines are well-formed and set what follows from its fields: framing, keep_alive, host,
// expect_continue.
HeadError finish_request(const Seen& seen, RequestHead& head);
HeadError finish_response(const Seen& seen, bool to_head, ResponseHead& head);

}  // namespace baton::http::detail
