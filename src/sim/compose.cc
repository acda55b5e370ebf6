// What the simulated model says: Answer's compose().
#include <algorithm>

#include "sim/answer.h"
#include "sim/example_value.h"
#include "sim/json_view.h"
#include "sim/mix.h"
#include "sim/words.h"

namespace baton::sim {

namespace {

// The vendor's own magic strings, and phrases that are easier to type.
constexpr std::string_view kMagic = "ANTHROPIC_MAGIC_STRING_TRIGGER_";
constexpr std::string_view kMagicRefusal = "ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL";
constexpr std::string_view kMagicRedacted = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING";
constexpr std::string_view kUseTool = "se the tool";  // "Use the tool", "use the tools"
constexpr std::string_view kUseTools = "se the tools";
constexpr std::string_view kUseStop = "use the stop sequence";
constexpr uint32_t kWordsBeforeTool = 6;
constexpr uint32_t kTokensPerTool = 8;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

uint32_t tokens_of(std::string_view text) { return static_cast<uint32_t>((text.size() + 3) / 4); }

class Composer {
 public:
  Composer(const MessageParams& params, const Prompt& prompt, const Voice& voice)
      : params_(params), prompt_(prompt), voice_(voice), left_(params.max_tokens) {
    said_ = prompt.last_user_text;
    magic_ = contains(said_, kMagic);
    key_ = mix(hash_bytes(said_, voice.seed), hash_bytes(params.model->id));
  }

  Answer run() {
    answer_.model = params_.model;
    if (params_.max_tokens == 0) {
      answer_.stop = StopReason::kMaxTokens;
      return std::move(answer_);
    }
    answer_.parts.reserve(kPartsMax);
    if (voice_.reply == ReplyKind::kRefusal ||
        (magic_ && voice_.reply == ReplyKind::kUsual && contains(said_, kMagicRefusal))) {
      say(1);
      if (!cut_) answer_.stop = StopReason::kRefusal;
      return finish();
    }
    if (params_.thinking != Thinking::kOff) think();
    if (!params_.output_schema.empty()) {
      structured();
    } else if (!use_tools()) {
      say(voice_.tokens);
      stop_at_sequence();
      if (!cut_ && voice_.reply == ReplyKind::kPauseTurn && answer_.stop == StopReason::kEndTurn) {
        answer_.stop = StopReason::kPauseTurn;
      }
    }
    return finish();
  }

 private:
  // As many of `tokens` as max_tokens leaves.
  uint32_t afford(uint32_t tokens) {
    if (tokens > left_) cut_ = true;
    uint32_t given = std::min(tokens, left_);
    left_ -= given;
    return given;
  }

  Part& add(PartKind kind) {
    answer_.parts.push_back({.kind = kind, .key = mix(key_, answer_.parts.size() + 1), .rest = {}});
    return answer_.parts.back();
  }

  void think() {
    uint32_t tokens = afford(std::max<uint32_t>(4, voice_.tokens / 4));
    if (tokens == 0) return;
    Part& part = add(PartKind::kThinking);
    part.tokens = tokens;
    part.words = params_.thinking == Thinking::kOmitted ? 0 : tokens;
    answer_.thinking_tokens = tokens;
    answer_.thinks = true;
    if (!magic_ || !contains(said_, kMagicRedacted)) return;
    uint32_t hidden = afford(4);
    if (hidden == 0) return;
    add(PartKind::kRedactedThinking).tokens = hidden;
    answer_.thinking_tokens += hidden;
  }

  void say(uint32_t words) {
    uint32_t tokens = afford(words);
    if (tokens == 0) return;
    Part& part = add(PartKind::kText);
    part.tokens = part.words = tokens;
  }

  void structured() {
    std::string text;
    append_example(text, params_.output_schema, key_);
    uint32_t needed = tokens_of(text);
    uint32_t tokens = afford(needed);
    if (tokens == 0) return;
    if (tokens < needed) text.resize(std::min<size_t>(text.size(), size_t{4} * tokens));
    while (!text.empty() && cut_ && (static_cast<unsigned char>(text.back()) & 0x80) != 0) text.pop_back();
    Part& part = add(PartKind::kText);
    part.tokens = tokens;
    part.rest = std::move(text);
  }

  bool use_tools() {
    if (params_.tools.empty() || params_.choice == ToolChoice::kNone || voice_.reply == ReplyKind::kText ||
        voice_.reply == ReplyKind::kPauseTurn) {
      return false;
    }
    bool forced = params_.choice != ToolChoice::kAuto;
    bool asked = voice_.reply == ReplyKind::kToolUse || (!prompt_.answers_tool && contains(said_, kUseTool));
    if (!forced && !asked) return false;
    size_t wanted = params_.parallel_tools && params_.choice != ToolChoice::kTool && contains(said_, kUseTools) ? 2 : 1;
    bool spoken = forced;
    JsonElements tools(params_.tools);
    while (wanted > 0 && tools.next()) {
      std::string_view name = json_word(tools.value, "name");
      std::string_view schema = json_member(tools.value, "input_schema");
      if (params_.choice == ToolChoice::kTool ? name != params_.chosen_tool : schema.empty()) continue;
      if (json_member(tools.value, "defer_loading") == "true") continue;
      if (!spoken) say(kWordsBeforeTool);
      spoken = true;
      std::string input;
      append_example(input, schema, mix(key_, wanted));
      uint32_t tokens = kTokensPerTool + tokens_of(input);
      if (tokens > left_) {
        cut_ = true;
        return true;
      }
      Part& part = add(PartKind::kToolUse);
      part.tokens = afford(tokens);
      part.rest = std::move(input);
      part.tool = name;
      answer_.stop = StopReason::kToolUse;
      --wanted;
    }
    return spoken;
  }

  // Cuts the text in front of the earliest stop sequence in it. Asked by phrase, half of the text is put in front of
  // the first one.
  void stop_at_sequence() {
    if (params_.stop_sequences.empty() || answer_.parts.empty() || answer_.parts.back().kind != PartKind::kText) return;
    Part& part = answer_.parts.back();
    std::string text;
    std::vector<size_t> ends;
    ends.reserve(part.words);
    for (uint32_t i = 0; i < part.words; ++i) ends.push_back(text.append(word(part.key, i).text).size());
    bool asked = contains(said_, kUseStop);
    size_t at = std::string::npos;
    JsonElements sequences(params_.stop_sequences);
    while (sequences.next()) {
      std::string room;
      std::string_view sequence = json_text(sequences.value, room);
      if (asked) text.insert(part.words > 1 ? ends[part.words / 2 - 1] : 0, sequence);
      asked = false;
      size_t found = text.find(sequence);
      if (found >= at) continue;
      at = found;
      answer_.stop_sequence = sequence;
    }
    if (at == std::string::npos) return;
    answer_.stop = StopReason::kStopSequence;
    cut_ = false;
    auto whole = static_cast<uint32_t>(std::upper_bound(ends.begin(), ends.end(), at) - ends.begin());
    whole = std::min(whole, part.words);
    size_t from = whole > 0 ? ends[whole - 1] : 0;
    part.rest = text.substr(from, at - from);
    part.words = whole;
    part.tokens = std::max<uint32_t>(1, whole + (part.rest.empty() ? 0 : 1));
  }

  Answer finish() {
    for (const Part& part : answer_.parts) answer_.output_tokens += part.tokens;
    if (cut_) answer_.stop = StopReason::kMaxTokens;
    return std::move(answer_);
  }

  const MessageParams& params_;
  const Prompt& prompt_;
  const Voice& voice_;
  uint32_t left_;
  bool cut_ = false;
  bool magic_ = false;
  std::string_view said_;
  uint64_t key_ = 0;
  Answer answer_;
};

}  // namespace

Answer compose(const MessageParams& params, const Prompt& prompt, const Voice& voice) {
  return Composer(params, prompt, voice).run();
}

}  // namespace baton::sim
