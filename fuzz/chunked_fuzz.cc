// The chunked decoder against its slow twin, whole, byte by byte and in pieces of a size that the input chooses.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "chunked_twin.h"
#include "http/chunked.h"

namespace {

using baton::fuzz::ChunkedOutcome;
using baton::http::ChunkedDecoder;

ChunkedOutcome decode(std::string_view bytes, size_t piece_bytes) {
  ChunkedDecoder decoder;
  ChunkedOutcome outcome;
  size_t at = 0;
  while (at < bytes.size() && !decoder.done() && !decoder.failed()) {
    // In a block of its own, so that a sanitizer sees any read beyond it.
    const std::string piece(bytes.substr(at, piece_bytes));
    std::string_view rest = piece;
    while (!rest.empty() && !decoder.done()) {
      const ChunkedDecoder::Step step = decoder.step(rest);
      BATON_CHECK(step.error == decoder.failed());
      if (step.error) break;
      BATON_CHECK(step.consumed > 0 && step.consumed <= rest.size());
      if (!step.data.empty()) {
        BATON_CHECK(step.data.data() >= rest.data() &&
                    step.data.data() + step.data.size() <= rest.data() + step.consumed);
      }
      outcome.content += step.data;
      rest.remove_prefix(step.consumed);
      at += step.consumed;
    }
  }
  outcome.done = decoder.done();
  outcome.failed = decoder.failed();
  if (outcome.done) outcome.consumed = at;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece_bytes = 2 + data[0] % 61;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ChunkedOutcome want = baton::fuzz::read_chunked(bytes);
  BATON_CHECK(decode(bytes, size) == want);
  BATON_CHECK(decode(bytes, 1) == want);
  BATON_CHECK(decode(bytes, piece_bytes) == want);
  return 0;
}
