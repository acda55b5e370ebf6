#include "dialect/call_weight.h"

#include <algorithm>
#include <string>

namespace baton::dialect {
namespace {

bool contains(std::string_view text, std::string_view word) { return text.find(word) != text.npos; }

int64_t count(std::string_view text, std::string_view word) {
  int64_t found = 0;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++found;
  return found;
}

// Whether a letter or an underscore is written as an escape ("\u0069mage"): then names cannot be looked for.
bool hides_names(std::string_view text) {
  static constexpr std::string_view kEscape = "\\u00";
  for (size_t at = text.find(kEscape); at != text.npos; at = text.find(kEscape, at + 1)) {
    const size_t digit = at + kEscape.size();
    if (digit < text.size() && text[digit] >= '4' && text[digit] <= '7') return true;
  }
  return false;
}

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

model::CallWeight weigh(std::string_view text, std::optional<int64_t> max_tokens) {
  model::CallWeight weight;
  weight.output_tokens = std::clamp<int64_t>(max_tokens.value_or(kOutputTokensMax), 0, kContextTokens);
  const bool hidden = hides_names(text);
  int64_t prompt = static_cast<int64_t>(text.size()) + kUnseenTokens + kImageTokens * count(text, "\"image\"");
  // By their names alone: a word of the prompt that looks like one only makes the bound larger.
  for (const std::string_view name :
       {"\"document\"", "\"url\"", "\"file_id\"", "\"file\"", "\"container\"", "\"context_management\""}) {
    if (contains(text, name)) prompt = kContextTokens;
  }
  if (hidden) prompt = kContextTokens;
  prompt = std::min(prompt, kContextTokens);
  const int64_t searches = count(text, "\"web_search_") + (hidden ? 1 : 0);
  const int64_t fetches = count(text, "\"web_fetch_") + (hidden ? 1 : 0);
  const bool others = contains(text, "\"code_execution_") || contains(text, "\"mcp_servers\"") ||
                      contains(text, "\"tool_search_") || contains(text, "\"advisor_");
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
