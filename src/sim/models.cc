#include "sim/models.h"

namespace baton::sim {

namespace {

constexpr uint32_t kMillion = 1'000'000;

constexpr Model kModels[] = {
    {"claude-fable-5-2", "", "Claude Fable 5.2", "fable", "2026-11-09T00:00:00Z", "", kMillion, 128'000, 512, false,
     false},
    {"claude-mythos-5-2", "", "Claude Mythos 5.2", "mythos", "2026-11-09T00:00:00Z", "", kMillion, 128'000, 512, false,
     false},
    {"claude-opus-5-5", "", "Claude Opus 5.5", "opus", "2026-10-20T00:00:00Z", "", kMillion, 128'000, 512, false,
     false},
    {"claude-sonnet-5-5", "", "Claude Sonnet 5.5", "sonnet", "2026-09-22T00:00:00Z", "", kMillion, 128'000, 1'024, true,
     false},
    {"claude-haiku-5-5", "", "Claude Haiku 5.5", "haiku", "2026-09-22T00:00:00Z", "", 200'000, 64'000, 1'024, true,
     false},
    {"claude-fable-5-1", "", "Claude Fable 5.1", "fable", "2026-08-18T00:00:00Z", "", kMillion, 128'000, 512, false,
     false},
    {"claude-mythos-5-1", "", "Claude Mythos 5.1", "mythos", "2026-08-18T00:00:00Z", "", kMillion, 128'000, 512, false,
     false},
    {"claude-opus-5", "", "Claude Opus 5", "opus", "2026-07-14T00:00:00Z", "", kMillion, 128'000, 512, false, false},
    {"claude-sonnet-5", "", "Claude Sonnet 5", "sonnet", "2026-07-14T00:00:00Z", "", kMillion, 128'000, 1'024, true,
     false},
    {"claude-fable-5", "", "Claude Fable 5", "fable", "2026-06-09T00:00:00Z", "", kMillion, 128'000, 512, false, false},
    {"claude-mythos-5", "", "Claude Mythos 5", "mythos", "2026-06-09T00:00:00Z", "", kMillion, 128'000, 512, false,
     false},
    {"claude-opus-4-8", "", "Claude Opus 4.8", "opus", "2026-05-12T00:00:00Z", "", kMillion, 128'000, 1'024, false,
     false},
    {"claude-opus-4-7", "", "Claude Opus 4.7", "opus", "2026-04-14T00:00:00Z", "", kMillion, 128'000, 1'024, false,
     false},
    {"claude-mythos-preview", "", "Claude Mythos Preview", "mythos", "2026-04-07T00:00:00Z", "", kMillion, 128'000,
     1'024, true, false},
    {"claude-sonnet-4-6", "", "Claude Sonnet 4.6", "sonnet", "2026-02-17T00:00:00Z", "", kMillion, 64'000, 1'024, true,
     false},
    {"claude-opus-4-6", "", "Claude Opus 4.6", "opus", "2026-02-04T00:00:00Z", "", kMillion, 128'000, 1'024, true,
     false},
    {"claude-opus-4-5-20251101", "claude-opus-4-5", "Claude Opus 4.5", "opus", "2025-11-24T00:00:00Z", "", 200'000,
     64'000, 1'024, true, true},
    {"claude-haiku-4-5-20251001", "claude-haiku-4-5", "Claude Haiku 4.5", "haiku", "2025-10-15T00:00:00Z", "", 200'000,
     64'000, 1'024, true, true},
    {"claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "Claude Sonnet 4.5", "sonnet", "2025-09-29T00:00:00Z",
     "2026-11-30T00:00:00Z", 200'000, 64'000, 1'024, true, true},
};

}  // namespace

std::span<const Model> models() { return kModels; }

const Model* find_model(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const Model& model : kModels) {
    if (model.id == name || model.alias == name) return &model;
  }
  return nullptr;
}

void append_model(std::string& out, const Model& model) {
  auto text = [&](std::string_view key, std::string_view value) {
    out += ",\"";
    out += key;
    out += "\":";
    if (value.empty()) {
      out += "null";
    } else {
      out += '"';
      out += value;
      out += '"';
    }
  };
  out += R"({"type":"model")";
  text("id", model.id);
  text("display_name", model.display_name);
  text("created_at", model.created_at);
  text("lifecycle", lifecycle(model));
  text("deprecated_at", model.retires_at.empty() ? "" : "2026-09-30T00:00:00Z");
  text("retires_at", model.retires_at);
  text("line", model.line);
  out += ",\"max_input_tokens\":" + std::to_string(model.input_tokens_max);
  out += ",\"max_tokens\":" + std::to_string(model.output_tokens_max);
  out += ",\"capabilities\":null}";
}

}  // namespace baton::sim
