#include "admin/request_body.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/json_view.h"

namespace baton::admin {
namespace {

std::unexpected<Error> wrong(std::string_view name, std::string_view wanted) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, std::string(name) + " must be " + std::string(wanted) + ".");
}

std::string padded(std::string_view body) {
  std::string text(body);
  text.append(http::kJsonPadding, '\0');
  return text;
}

}  // namespace

RequestBody::RequestBody(std::string_view body)
    : text_(padded(body)), fields_(scanner_.scan_object(std::string_view(text_.data(), body.size()))) {}

const http::JsonField* RequestBody::find(std::string_view name) const {
  if (!fields_) return nullptr;
  const auto found = std::ranges::find(**fields_, name, &http::JsonField::key);
  return found == (*fields_)->end() || found->type == http::JsonType::kNull ? nullptr : &*found;
}

bool RequestBody::has(std::string_view name) const {
  return fields_ && std::ranges::find(**fields_, name, &http::JsonField::key) != (*fields_)->end();
}

Expected<void> RequestBody::only(std::initializer_list<std::string_view> names) const {
  if (!fields_) return std::unexpected(fields_.error());
  for (const http::JsonField& field : **fields_) {
    if (std::ranges::find(names, field.key) != names.end()) continue;
    return fail(ErrorCode::kBadRequest, Fault::kClient,
                "There is no member \"" + ascii::excerpt(field.key) + "\" here.");
  }
  return {};
}

Expected<std::optional<std::string>> RequestBody::text(std::string_view name) const {
  const http::JsonField* field = find(name);
  if (field == nullptr) return std::nullopt;
  auto text = http::json_string(span(*field));
  if (!text) return wrong(name, "a string");
  return text;
}

Expected<std::optional<bool>> RequestBody::flag(std::string_view name) const {
  const http::JsonField* field = find(name);
  if (field == nullptr) return std::nullopt;
  if (field->type != http::JsonType::kBool) return wrong(name, "true or false");
  return span(*field) == "true";
}

Expected<std::optional<int64_t>> RequestBody::whole_number(std::string_view name) const {
  const http::JsonField* field = find(name);
  if (field == nullptr) return std::nullopt;
  auto number = http::json_int(span(*field));
  if (!number) return wrong(name, "a whole number");
  return number;
}

Expected<std::optional<std::vector<std::string>>> RequestBody::texts(std::string_view name) const {
  const http::JsonField* field = find(name);
  if (field == nullptr) return std::nullopt;
  if (field->type != http::JsonType::kArray) return wrong(name, "a list of strings");
  std::vector<std::string> out;
  http::JsonElements elements(span(*field));
  while (elements.next()) {
    auto text = http::json_string(elements.value);
    if (!text) return wrong(name, "a list of strings");
    out.push_back(std::move(*text));
  }
  return out;
}

Expected<std::optional<std::string_view>> RequestBody::object(std::string_view name) const {
  const http::JsonField* field = find(name);
  if (field == nullptr) return std::nullopt;
  if (field->type != http::JsonType::kObject) return wrong(name, "an object");
  return span(*field);
}

}  // namespace baton::admin
