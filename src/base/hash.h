// hash64: a quick, well-mixed 64-bit hash for tables and for choosing; not for secrets and not kept across versions.
// Thread: any; pure. Source: XXH3.
#pragma once

#include <cstdint>
#include <string_view>

namespace baton {

uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

}  // namespace baton
