// Suggest: the known word that a misspelt one is most likely to mean. Thread: any; pure. Bounds: words of up to 64
// characters. Source: optimal string alignment distance (insert, delete, replace, swap of neighbours).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace baton::config {

size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, or empty when none is near enough (a third of the word, at least one edit, or the same
// letters otherwise spelt: case, '-' for '_'). The first of equally near ones.
std::string_view suggest(std::string_view word, std::span<const std::string_view> known);

}  // namespace baton::config
