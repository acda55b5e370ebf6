// Secret: a credential that cannot be printed by accident. It has no stream operator and no formatter.
// Life: a value; its bytes lie in memory that is never swapped or dumped (base/secret_memory.h) and are wiped when it
// goes. Thread: immutable after construction.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/secret_memory.h"

namespace baton {

class Secret {
 public:
  Secret() = default;
  // The string that is handed over is wiped. Throws std::bad_alloc when there is no memory.
  explicit Secret(std::string value) : Secret(std::string_view(value)) {
    secret_memory::wipe(value.data(), value.size());
  }
  explicit Secret(const char* value) : Secret(std::string_view(value)) {}
  explicit Secret(std::string_view value) : size_(value.size()) {
    if (size_ == 0) return;
    bytes_ = secret_memory::take(size_);
    std::memcpy(bytes_, value.data(), size_);
  }
  Secret(const Secret& other) : Secret(other.reveal()) {}
  Secret(Secret&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() {
    if (bytes_ != nullptr) secret_memory::give(bytes_, size_);
  }

  // The bytes, for the one place that puts them on the wire or hashes them. Borrowed for as long as the Secret lives.
  std::string_view reveal() const { return bytes_ == nullptr ? std::string_view("") : std::string_view(bytes_, size_); }
  bool empty() const { return size_ == 0; }

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0;
};

}  // namespace baton
