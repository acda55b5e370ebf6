// Response heads: the same verdict however they are cut, one reading of what was taken.
#include <cstddef>
#include <cstdint>

#include "http1_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace baton;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool to_head : {false, true}) {
    const auto parse = [&](std::string_view text, size_t& scanned, const http::HeadLimits& limits) {
      http::ResponseHead head;
      fuzz::Verdict verdict;
      verdict.status = http::parse_response(text, scanned, limits, to_head, head, verdict.error);
      if (verdict.status != http::ParseStatus::kDone) return verdict;
      fuzz::check_taken(head, text, limits);
      BATON_CHECK(head.status >= 100 && head.status <= 599);
      const bool bodiless = to_head || head.status < 200 || head.status == 204 || head.status == 304;
      BATON_CHECK(bodiless == (head.framing == http::Framing::kNone));
      if (head.framing == http::Framing::kUntilClose) BATON_CHECK(!head.keep_alive);
      verdict.text.append(std::to_string(head.status)).append("|").append(head.reason).append("|");
      fuzz::write_out(head, verdict.text);
      verdict.bytes = head.bytes;
      return verdict;
    };
    fuzz::check_every_cut(bytes, {}, parse);
    fuzz::check_every_cut(bytes, fuzz::kSmallLimits, parse);
  }
  return 0;
}
