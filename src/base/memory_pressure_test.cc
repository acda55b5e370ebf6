#include "base/memory_pressure.h"

#include <gtest/gtest.h>

#include <string>

#include "base/units.h"

namespace baton {
namespace {

using Level = MemoryPressure::Level;

TEST(MemoryPressureTest, LevelsHoldFromTheirShareOnAndEndAHundredthBelow) {
  struct Row {
    std::string name;
    size_t percent;
    Level before;
    Level want;
  };
  const Row rows[] = {
      {"plenty", 50, Level::kNone, Level::kNone},
      {"just below", 91, Level::kNone, Level::kNone},
      {"the first", 92, Level::kNone, Level::kNoKeepAlive},
      {"between", 94, Level::kNone, Level::kNoKeepAlive},
      {"the second", 95, Level::kNone, Level::kRefuse},
      {"beyond the limit", 200, Level::kNone, Level::kRefuse},
      {"the second goes on", 94, Level::kRefuse, Level::kRefuse},
      {"the second ends", 93, Level::kRefuse, Level::kNoKeepAlive},
      {"the first goes on", 91, Level::kNoKeepAlive, Level::kNoKeepAlive},
      {"the first ends", 90, Level::kNoKeepAlive, Level::kNone},
      {"both end", 10, Level::kRefuse, Level::kNone},
  };
  for (const Row& row : rows) {
    const size_t limit = 1000 * kMiB;
    EXPECT_EQ(MemoryPressure::level_of(limit / 100 * row.percent, limit, row.before), row.want) << row.name;
    EXPECT_EQ(MemoryPressure::level_of(limit / 100 * row.percent, 0, row.before), Level::kNone) << row.name;
  }
}

}  // namespace
}  // namespace baton
