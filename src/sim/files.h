// Files: uploads and their bytes, per workspace. Unlike the vendor's, an uploaded file can be downloaded again.
// Life: one per simulator. Thread: one at a time; content being read lives on by itself. Bounds: the shared storage
// budget. Source: the vendor's Files reference and SDK types (read 2026-11).
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_budget.h"
#include "base/units.h"
#include "sim/api_error.h"
#include "sim/multipart.h"
#include "sim/storage.h"

namespace baton::sim {

class Files {
 public:
  explicit Files(ByteBudget& storage) : storage_(storage) {}
  ~Files();
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  struct Content {
    std::shared_ptr<const std::string> bytes;
    std::string mime_type;
  };
  // Success: the FileMetadata. 403 when the storage is full. `owner`: organization and workspace.
  Answered<std::string> add(std::string_view owner, std::string_view id, const UploadedFile& file, WallTime wall);
  // 404 for another workspace's.
  Answered<std::string> get(std::string_view owner, std::string_view id) const;
  Answered<std::string> list(std::string_view owner, std::string_view query) const;
  Answered<Content> content(std::string_view owner, std::string_view id) const;
  Answered<std::string> remove(std::string_view owner, std::string_view id);

 private:
  struct File {
    std::string id;
    std::string owner;
    std::string filename;
    std::string mime_type;
    WallTime created;
    std::shared_ptr<const std::string> bytes;
    size_t charged = 0;
  };
  const File* find(std::string_view owner, std::string_view id) const;
  static void append(std::string& out, const File& file);

  ByteBudget& storage_;
  std::deque<File> files_;  // oldest first
};

}  // namespace baton::sim
