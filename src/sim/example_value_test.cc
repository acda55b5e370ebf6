#include "sim/example_value.h"

#include <gtest/gtest.h>

#include "sim/testing.h"

namespace baton::sim {
namespace {

TEST(ExampleValue, FitsItsSchema) {
  struct Row {
    std::string name;
    std::string schema;
    std::string want;
  };
  const Row rows[] = {
      {"nothing", "", "{}"},
      {"empty schema", "{}", "{}"},
      {"numbers in their range",
       R"({"type":"object","properties":{"a":{"type":"integer","minimum":20},"b":{"type":"number","maximum":0}}})",
       R"({"a": 20, "b": 0})"},
      {"const, enum and null",
       R"({"type":"object","properties":{"a":{"const":{"x":1}},"b":{"enum":["only"]},"c":{"type":"null"}}})",
       R"({"a": {"x":1}, "b": "only", "c": null})"},
      {"first type that is not null", R"({"type":["null","boolean"]})", "true"},
      {"arrays with their least items", R"({"type":"array","minItems":2,"items":{"type":"integer"}})", "[12, 12]"},
      {"first alternative", R"({"anyOf":[{"type":"boolean"},{"type":"string"}]})", "true"},
      {"formats", R"({"type":"string","format":"date"})", "\"2026-11-24\""},
      {"short texts", R"({"type":"string","maxLength":3})", "\"exa\""},
  };
  for (const Row& row : rows) {
    std::string out;
    append_example(out, row.schema, 1);
    EXPECT_EQ(out, row.want) << row.name;
  }
}

TEST(ExampleValue, EndsOnASchemaThatIsDeep) {
  std::string schema = R"({"type":"string"})";
  for (int i = 0; i < 60; ++i) schema = R"({"type":"object","properties":{"a":)" + schema + "}}";
  std::string out;
  append_example(out, schema, 1);
  EXPECT_TRUE(testing::is_valid_json(out)) << out;
  EXPECT_LT(out.size(), 100u);
}

}  // namespace
}  // namespace baton::sim
