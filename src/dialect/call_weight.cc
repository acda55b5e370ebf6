#include "dialect/call_weight.h"

#include <algorithm>
#include <string>

namespace baton::dialect {
namespace {

// The sum of all max_uses; a tool without one may be used without end.
int64_t tool_uses(std::string_view text, int64_t tools) {
  static constexpr std::string_view kName = "\"max_uses\"";
  int64_t sum = 0;
  int64_t stated = 0;
  for (size_t at = text.find(kName); at != text.npos; at = text.find(kName, at + 1)) {
    size_t digit = text.find_first_not_of(": \t\r\n", at + kName.size());
    int64_t uses = 0;
    for (; digit < text.size() && text[digit] >= '0' && text[digit] <= '9' && uses < kContextTokens; ++digit) {
      uses = uses * 10 + (text[digit] - '0');
    }
    sum += uses;
    ++stated;
  }
  return stated >= tools ? sum : sum + (tools - stated) * kServerToolUsesUnlimited;
}

}  // namespace

model::CallWeight weigh(std::string_view text, const BodyNames& names, std::optional<int64_t> max_tokens) {
  model::CallWeight weight;
  weight.output_tokens = std::clamp<int64_t>(max_tokens.value_or(kOutputTokensMax), 0, kContextTokens);
  const int64_t hidden = names.escaped_letters ? 1 : 0;
  int64_t prompt = static_cast<int64_t>(text.size()) + kUnseenTokens + kImageTokens * names.images;
  // By their names alone: a word of the prompt that looks like one only makes the bound larger.
  if (names.unsized || hidden > 0) prompt = kContextTokens;
  prompt = std::min(prompt, kContextTokens);
  const int64_t searches = names.web_searches + hidden;
  const int64_t fetches = names.web_fetches + hidden;
  const bool others = names.server_tools;
  weight.input_tokens = prompt;
  if (searches == 0 && fetches == 0 && !others) return weight;
  const int64_t uses = tool_uses(text, searches + fetches);
  weight.web_searches = searches > 0 ? uses : 0;
  weight.web_fetches = fetches > 0 ? uses : 0;
  const int64_t rounds = 1 + (others ? kServerToolRounds : std::min(uses, kServerToolRounds));
  weight.input_tokens = kContextTokens * rounds;
  weight.output_tokens *= rounds;
  return weight;
}

}  // namespace baton::dialect
