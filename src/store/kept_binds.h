// KeptBinds: the parameters of a statement that is run for many rows alike: a value is bound only where it differs from
// that of the row before. Binding is the dearest part of a short insert, and most columns stay as they were.
// Life: beside its Statement. Thread: its owner's. Bounds: a copy of each parameter's last text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace baton::store {

class KeptBinds {
 public:
  // Parameters count from 1, in the order of the calls, which is the same for every row.
  void begin() { at_ = 0; }
  void text(Statement& statement, std::string_view value) {
    Kept& kept = next();
    if (kept.is == Is::kText && kept.text == value) return;
    kept.is = Is::kText;
    kept.text.assign(value);
    statement.lend(static_cast<int>(at_), kept.text);
  }
  void number(Statement& statement, std::optional<int64_t> value) {
    Kept& kept = next();
    const Is is = value ? Is::kNumber : Is::kNull;
    if (kept.is == is && (!value || kept.number == *value)) return;
    kept.is = is;
    kept.number = value.value_or(0);
    statement.bind(static_cast<int>(at_), value);
  }

 private:
  enum class Is : uint8_t { kNothing, kNull, kNumber, kText };
  struct Kept {
    Is is = Is::kNothing;
    int64_t number = 0;
    std::string text;
  };
  Kept& next() {
    // Before the first text is lent there are all: their bytes stay where they are.
    if (kept_.empty()) kept_.resize(kParametersMax);
    return kept_[at_++];
  }
  static constexpr size_t kParametersMax = 64;

  std::vector<Kept> kept_;
  size_t at_ = 0;
};

}  // namespace baton::store
