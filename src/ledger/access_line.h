// AccessLine: an Outcome as one line of JSON. Keys and their meaning are listed in this module's README. No key,
// prompt or reply text: only fields named here are written, texts are cut at kTextBytesMax and at a '?' in a path, and
// anything that looks like a vendor's key is masked.
// Life: one per loop (it remembers the second it last spelt out). Thread: one.
// Bounds: a line is at most kLineBytesMax bytes.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"
#include "model/outcome.h"

namespace baton::ledger {

class AccessLine {
 public:
  static constexpr size_t kTextBytesMax = 256;
  static constexpr size_t kLineBytesMax = 48 * kKiB;  // every text full of escapes, kAttemptsMax attempts

  // Appends the line with its newline.
  void append(std::string& out, const model::Outcome& outcome);

 private:
  void append_time(std::string& out, WallTime time);

  int64_t second_ = INT64_MIN;
  std::string second_text_;  // "2026-11-24T09:41:07"
};

}  // namespace baton::ledger
