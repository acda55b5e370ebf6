// JSON scanning: one pass over the original bytes that finds the top-level fields of an object, refuses what a relay
// and a vendor could read differently, and notes spans so that edits can be spliced into the original. Nothing is ever
// re-serialised. Use it for request bodies and for what is read of replies; a nested object is read by scanning its
// span. Life: one scanner per loop, it keeps its room. Thread: one at a time. Bounds: JsonLimits. Time linear in the
// bytes, n log n in the top-level keys. While a scan runs, room of 4 bytes per byte of the text, of which only as much
// as the text has tokens is touched; after texts over 1 MiB it is given back. Source: RFC 8259 (read 2026-11); simdjson
// finds the tokens and checks the UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace baton::http {

struct JsonLimits {
  size_t depth_max = 128;
  size_t keys_max = 100'000;  // in one object
};

// Bytes that a JSON text must have room for behind its end (contents do not matter): simdjson reads ahead.
inline constexpr size_t kJsonPadding = 32;

enum class JsonType : uint8_t { kObject, kArray, kString, kNumber, kBool, kNull };

struct JsonField {
  std::string_view key;  // unescaped; valid until the scanner's next scan
  JsonType type = JsonType::kNull;
  size_t begin = 0;  // span of the value in the text
  size_t end = 0;
  size_t key_begin = 0;  // offset of the key's opening quote
};

class JsonScanner {
 public:
  JsonScanner();
  ~JsonScanner();
  JsonScanner(JsonScanner&&) noexcept;
  JsonScanner& operator=(JsonScanner&&) noexcept;

  // Scans a whole text that must be one object. `text` must be followed by kJsonPadding readable bytes.
  // kBadRequest with a sentence for the client: not an object, syntax anywhere (also inside values that are skipped),
  // invalid UTF-8, BOM, a duplicate key at the top level (keys compared unescaped), a lone surrogate in a top-level
  // key, too deep, too many keys. kOverloaded (fault: us): no room for the scan. Numbers of any size and lone
  // surrogates in values are legal and only passed over. Success: the fields in order, valid until the next scan on
  // this scanner; spans are into `text`.
  Expected<const std::vector<JsonField>*> scan_object(std::string_view text, const JsonLimits& limits = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The value of a string field's span (quotes included), unescaped. Lone surrogates give nothing, nor does what is not
// one string.
std::optional<std::string> json_string(std::string_view span);
// An exact int64, or nothing ("1e3", "1.0", "01" and out-of-range are nothing; "-0" is 0).
std::optional<int64_t> json_int(std::string_view span);
// Appends `text` as a JSON string, quotes included. Invalid UTF-8 is replaced by U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace baton::http
