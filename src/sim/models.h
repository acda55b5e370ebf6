// The models that the simulated API knows, and what it checks by model.
// Thread: immutable. Source: the vendor's model list and prompt caching pages (read 2026-11); dates of models newer
// than 4.6 and the texts of display names are the simulator's own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace baton::sim {

struct Model {
  std::string_view id;
  std::string_view alias;  // another name that answers to the same model, or empty
  std::string_view display_name;
  std::string_view line;
  std::string_view created_at;
  std::string_view retires_at;  // empty: not deprecated
  uint32_t input_tokens_max = 200'000;
  uint32_t output_tokens_max = 64'000;
  uint32_t cache_tokens_min = 1'024;  // a shorter prefix is silently not cached
  bool sampling = true;               // takes temperature, top_p and top_k under API version 2023-06-01
  bool prefill = true;                // takes a last turn of the assistant
};

// Newest first, as the API lists them.
std::span<const Model> models();
// By id or alias; nullptr when unknown.
const Model* find_model(std::string_view name);
// The JSON object that GET /v1/models/{id} gives.
void append_model(std::string& out, const Model& model);
inline std::string_view lifecycle(const Model& model) { return model.retires_at.empty() ? "active" : "deprecated"; }

}  // namespace baton::sim
