// Seeds: which of them a test of random worlds plays. BATON_SIM_SEEDS: how many; BATON_SIM_SEED: this one (`./dev sim
// SEED`), or the first of so many.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/ascii.h"

namespace baton::simulation {

inline std::optional<uint64_t> environment_number(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : ascii::decimal(text);
}

// Plays seeds, `usual` of them unless the environment says otherwise, up to the first that fails.
template <class Run>
void play_seeds(uint64_t usual, Run&& run) {
  const auto first = environment_number("BATON_SIM_SEED");
  const uint64_t seeds = environment_number("BATON_SIM_SEEDS").value_or(first ? 1 : usual);
  for (uint64_t seed = first.value_or(1); seed < first.value_or(1) + seeds; ++seed) {
    run(seed);
    if (!testing::Test::HasFailure()) continue;
    std::fprintf(stderr, "replay: ./dev sim %llu\n", static_cast<unsigned long long>(seed));
    return;
  }
}

}  // namespace baton::simulation
