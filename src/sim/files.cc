#include "sim/files.h"

#include <algorithm>
#include <vector>

#include "http/json.h"
#include "sim/page.h"
#include "sim/timestamp.h"

namespace baton::sim {

namespace {
ApiError no_such(std::string_view id) {
  return {.status = 404, .type = "not_found_error", .message = "File not found: " + std::string(id.substr(0, 64))};
}
}  // namespace

Files::~Files() {
  for (const File& file : files_) storage_.give(file.charged);
}

void Files::append(std::string& out, const File& file) {
  out += R"({"id":")" + file.id + R"(","type":"file","filename":)";
  http::append_json_string(out, file.filename);
  out += ",\"mime_type\":";
  http::append_json_string(out, file.mime_type);
  out += ",\"size_bytes\":" + std::to_string(file.bytes->size()) + ",\"created_at\":\"";
  append_rfc3339(out, file.created);
  out += "\",\"downloadable\":true}";
}

Answered<std::string> Files::add(std::string_view owner, std::string_view id, const UploadedFile& file, WallTime wall) {
  size_t charge = file.content.size() + kObjectOverheadBytes;
  if (!storage_.take(charge)) {
    return std::unexpected(ApiError{.status = 403, .type = "permission_error", .message = "Storage limit exceeded"});
  }
  files_.push_back({.id = std::string(id),
                    .owner = std::string(owner),
                    .filename = file.filename,
                    .mime_type = file.mime_type,
                    .created = wall,
                    .bytes = std::make_shared<const std::string>(file.content),
                    .charged = charge});
  std::string out;
  append(out, files_.back());
  return out;
}

const Files::File* Files::find(std::string_view owner, std::string_view id) const {
  for (const File& file : files_) {
    if (file.id == id && file.owner == owner) return &file;
  }
  return nullptr;
}

Answered<std::string> Files::get(std::string_view owner, std::string_view id) const {
  const File* file = find(owner, id);
  if (file == nullptr) return std::unexpected(no_such(id));
  std::string out;
  append(out, *file);
  return out;
}

Answered<std::string> Files::list(std::string_view owner, std::string_view query) const {
  std::vector<const File*> mine;
  for (auto it = files_.rbegin(); it != files_.rend(); ++it) {
    if (it->owner == owner) mine.push_back(&*it);
  }
  return page({.size = mine.size(),
               .id = [&](size_t i) { return std::string_view(mine[i]->id); },
               .append = [&](std::string& out, size_t i) { append(out, *mine[i]); }},
              query);
}

Answered<Files::Content> Files::content(std::string_view owner, std::string_view id) const {
  const File* file = find(owner, id);
  if (file == nullptr) return std::unexpected(no_such(id));
  return Content{file->bytes, file->mime_type};
}

Answered<std::string> Files::remove(std::string_view owner, std::string_view id) {
  const File* file = find(owner, id);
  if (file == nullptr) return std::unexpected(no_such(id));
  std::string out = R"({"id":")" + file->id + R"(","type":"file_deleted"})";
  storage_.give(file->charged);
  files_.erase(std::ranges::find_if(files_, [&](const File& one) { return &one == file; }));
  return out;
}

}  // namespace baton::sim
