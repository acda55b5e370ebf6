// RequestBody: reads the members of a request's JSON object, each of the type that is wanted, with a sentence for who
// wrote it otherwise.
// Life: on a frame; copies the body. Thread: one. Bounds: kBodyBytesMax.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/json.h"

namespace baton::admin {

class RequestBody {
 public:
  explicit RequestBody(std::string_view body);

  // kBadRequest: it is not one JSON object, or has a member that is not listed.
  Expected<void> only(std::initializer_list<std::string_view> names) const;
  // Whether the member is there, null included.
  bool has(std::string_view name) const;
  // Each: nothing when it is not there or null; kBadRequest when it is something else.
  Expected<std::optional<std::string>> text(std::string_view name) const;
  Expected<std::optional<bool>> flag(std::string_view name) const;
  Expected<std::optional<int64_t>> whole_number(std::string_view name) const;
  Expected<std::optional<std::vector<std::string>>> texts(std::string_view name) const;
  // The span of a member that is an object.
  Expected<std::optional<std::string_view>> object(std::string_view name) const;

 private:
  const http::JsonField* find(std::string_view name) const;
  std::string_view span(const http::JsonField& field) const {
    return std::string_view(text_).substr(field.begin, field.end - field.begin);
  }

  std::string text_;
  http::JsonScanner scanner_;
  Expected<const std::vector<http::JsonField>*> fields_;
};

}  // namespace baton::admin
