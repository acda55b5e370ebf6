#include "model/trace_context.h"

#include <cstring>

#include "base/digest.h"
#include "base/hash.h"

namespace baton::model {
namespace {

constexpr size_t kVersion00Bytes = 55;
constexpr size_t kFieldBytesMax = 255;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

template <size_t N>
bool read_hex(std::string_view text, std::array<uint8_t, N>& out) {
  for (size_t i = 0; i < N; ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return true;
}

template <size_t N>
std::string_view bytes_of(const std::array<uint8_t, N>& id) {
  return {reinterpret_cast<const char*>(id.data()), N};
}

SpanId span_from(uint64_t bits) {
  SpanId id;
  if (bits == 0) bits = 1;  // zeros mean none
  std::memcpy(id.data(), &bits, sizeof bits);
  return id;
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  if (text.size() < kVersion00Bytes || text.size() > kFieldBytesMax) return std::nullopt;
  std::array<uint8_t, 1> version;
  std::array<uint8_t, 1> flags;
  TraceParent out;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  if (!read_hex(text.substr(0, 2), version) || !read_hex(text.substr(3, 32), out.trace) ||
      !read_hex(text.substr(36, 16), out.span) || !read_hex(text.substr(53, 2), flags))
    return std::nullopt;
  // A version to come may have more behind what is known of it.
  const bool more = text.size() > kVersion00Bytes;
  if (version[0] == 0xff || (more && (version[0] == 0 || text[kVersion00Bytes] != '-'))) return std::nullopt;
  if (out.trace == TraceId{} || out.span == SpanId{}) return std::nullopt;
  out.sampled = (flags[0] & 1) != 0;
  return out;
}

std::string traceparent(const TraceId& trace, const SpanId& span, bool sampled) {
  return "00-" + hex(trace) + "-" + hex(span) + (sampled ? "-01" : "-00");
}

SpanId span_of_part(const TraceContext& context, uint64_t number) {
  return span_from(hash64(bytes_of(context.span), hash64(bytes_of(context.trace), number)));
}

TraceContext begin_trace(std::string_view traceparent_field, int traceparents, const TraceRules& rules, double chance,
                         const std::array<uint64_t, 3>& bits) {
  TraceContext out;
  out.span = span_from(bits[0]);
  const auto parent = traceparents == 1 ? parse_traceparent(traceparent_field) : std::nullopt;
  if (parent) {
    out.trace = parent->trace;
    out.parent = parent->span;
    out.sampled = parent->sampled;
    return out;
  }
  std::memcpy(out.trace.data(), &bits[1], out.trace.size());
  if (!out.any()) out.trace[0] = 1;
  out.sampled = chance < rules.sample;
  return out;
}

}  // namespace baton::model
