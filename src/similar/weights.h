// Weights: how much each hashed feature of a text counts (embedder.h), a byte each. The built-in ones are what
// trainer.h makes of the texts of corpus.h; an operator's file may stand in for them.
// Life: a value of kBuckets bytes. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace baton::similar {

inline constexpr size_t kBuckets = size_t{1} << 15;
inline constexpr uint8_t kUsualWeight = 64;  // of what was never seen: 1.0; the most there is

using Weights = std::array<uint8_t, kBuckets>;

const Weights& built_in_weights();

// As text: three characters for each weight that is not the usual one (how many places after the one before, and how
// much), all printable, none that a C++ string would have to escape.
std::string packed(const Weights& weights);
// Nothing: not such a text.
std::optional<Weights> unpacked(std::string_view text);

// A file of the trainer: kWeightsHead, then the text in lines. kConfig with a sentence.
inline constexpr std::string_view kWeightsHead = "baton similar weights 1";
Expected<Weights> read_weights(const std::string& path);

// The text of the built-in ones, in weights_built_in.cc.
std::string_view built_in_text();

}  // namespace baton::similar
