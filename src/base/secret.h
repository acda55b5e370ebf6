// Secret: a credential that cannot be printed by accident. It has no stream operator and no formatter.
// Life: a value; its bytes are wiped when it goes. Thread: immutable after construction.
#pragma once

#include <string>
#include <string_view>

namespace baton {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) noexcept = default;
  ~Secret() { wipe(); }

  // The bytes, for the one place that puts them on the wire or hashes them. Borrowed for as long as the Secret lives.
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  void wipe() {
    volatile char* p = value_.data();
    for (size_t i = 0; i < value_.size(); ++i) p[i] = 0;
  }
  std::string value_;
};

}  // namespace baton
