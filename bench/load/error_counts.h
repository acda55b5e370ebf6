// What went wrong in a run, by kind, and the first of them in words. Any error makes the run's figures void.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace baton::load {

class ErrorCounts {
 public:
  void add(const std::string& kind) {
    ++kinds_[kind];
    ++total_;
  }
  uint64_t total() const { return total_; }
  // `"errors":N,"error_kinds":{…}`; kinds are our own words and need no escaping.
  std::string json_fields() const {
    std::string out = R"("errors":)" + std::to_string(total_) + R"(,"error_kinds":{)";
    std::string_view comma;
    for (const auto& [kind, count] : kinds_) {
      out.append(comma).append("\"").append(kind).append("\":").append(std::to_string(count));
      comma = ",";
    }
    return out + "}";
  }

 private:
  std::map<std::string, uint64_t> kinds_;
  uint64_t total_ = 0;
};

}  // namespace baton::load
