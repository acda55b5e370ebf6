// Replies of a Redis: whatever comes is read the same whole and in two parts, within its limits.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "store/resp.h"

namespace {

constexpr baton::store::RespLimits kLimits{.bytes_max = 512, .items_max = 8, .depth_max = 2};

int depth_of(const baton::store::Resp& value) {
  int deepest = 0;
  for (const auto& one : value.items) deepest = std::max(deepest, 1 + depth_of(one));
  BATON_CHECK(value.items.size() <= kLimits.items_max);
  return deepest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace baton::store;
  using State = RespParsed::State;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const RespParsed whole = parse_resp(bytes, kLimits);
  if (whole.state == State::kMore) BATON_CHECK(whole.bytes > size && whole.bytes <= kLimits.bytes_max);
  if (whole.state == State::kWhole) {
    BATON_CHECK(whole.bytes <= size && whole.bytes <= kLimits.bytes_max && depth_of(whole.value) <= kLimits.depth_max);
    BATON_CHECK(parse_resp(bytes.substr(0, whole.bytes), kLimits).value == whole.value);
  }
  for (size_t cut = 0; cut < std::min<size_t>(size, 64); ++cut) {
    const RespParsed part = parse_resp(bytes.substr(0, cut), kLimits);
    // What was whole or refused stays so, whatever follows.
    if (part.state == State::kWhole) BATON_CHECK(whole.state == State::kWhole && whole.value == part.value);
    if (part.state == State::kBroken) BATON_CHECK(whole.state == State::kBroken);
    if (part.state == State::kMore && whole.state == State::kWhole) BATON_CHECK(part.bytes <= whole.bytes);
  }
  return 0;
}
