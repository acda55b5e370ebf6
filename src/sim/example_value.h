// Example values for JSON schemas: the input of a simulated tool call, the text of a structured output.
// Thread: any; pure. Bounds: kExampleDepthMax levels, kExamplePropertiesMax properties an object.
// Source: the parts of JSON Schema that tools use: type, enum, const, properties, items, anyOf/oneOf/allOf, minimum,
// minItems, format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace baton::sim {

inline constexpr int kExampleDepthMax = 6;
inline constexpr size_t kExamplePropertiesMax = 64;

// Appends a value that fits `schema` (a span of valid JSON; empty or not an object: an empty object). `key` picks among
// the possible.
void append_example(std::string& out, std::string_view schema, uint64_t key);

}  // namespace baton::sim
