#include "relay/reword.h"

#include <algorithm>
#include <utility>

#include "http/json.h"

namespace baton::relay {

std::optional<Wording> reword(ByteBudget& budget, std::string_view body, http::Coding coding, size_t body_bytes_max,
                              std::string_view model) {
  std::string decoded;
  if (coding != http::Coding::kIdentity) {
    auto plain = http::decode_whole(coding, body, {.output_bytes_max = body_bytes_max});
    if (!plain) return std::nullopt;
    decoded = std::move(*plain);
    decoded.reserve(decoded.size() + http::kJsonPadding);
    body = decoded;
  }
  http::JsonScanner scanner;  // the loop's own is not needed for what is this rare
  const auto fields = scanner.scan_object(body);
  if (!fields) return std::nullopt;
  const auto named = std::ranges::find(**fields, "model", &http::JsonField::key);
  if (named == (*fields)->end()) return std::nullopt;
  Wording wording{.body = {}, .share = BudgetShare(budget)};
  std::string value;
  http::append_json_string(value, model);
  const size_t bytes = body.size() - (named->end - named->begin) + value.size();
  if (!wording.share.resize(bytes)) return std::nullopt;
  wording.body.reserve(bytes);
  wording.body.append(body.substr(0, named->begin)).append(value).append(body.substr(named->end));
  return wording;
}

}  // namespace baton::relay
