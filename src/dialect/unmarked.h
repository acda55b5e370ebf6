// hash_unmarked: the hash of a JSON text as it would be without its cache_control marks, which move from turn to turn.
// Thread: any; pure. Bounds: linear time; a copy only where there is a mark. The text is valid JSON.
#pragma once

#include <cstdint>
#include <string_view>

namespace baton::dialect {

uint64_t hash_unmarked(std::string_view text, uint64_t seed);

}  // namespace baton::dialect
