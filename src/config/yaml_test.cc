#include "config/yaml.h"

#include <gtest/gtest.h>

namespace baton::config {
namespace {

std::string refusal(std::string_view text) {
  try {
    parse_yaml(text, "f.yaml");
  } catch (const Problem& problem) {
    return problem.text();
  }
  return "(taken)";
}

TEST(Yaml, GivesATreeWithLinesAndQuotes) {
  const Node root = parse_yaml("a: 1\nb: \"x\"\nc:\n  - y\n  - {d: 'z'}\n", "f.yaml");
  ASSERT_EQ(root.kind, Node::Kind::kMap);
  ASSERT_NE(root.find("a"), nullptr);
  EXPECT_EQ(root.find("a")->text, "1");
  EXPECT_FALSE(root.find("a")->quoted);
  EXPECT_EQ(root.find("b")->text, "x");
  EXPECT_TRUE(root.find("b")->quoted);
  EXPECT_EQ(root.find("b")->line, 2);
  const Node* list = root.find("c");
  ASSERT_EQ(list->kind, Node::Kind::kList);
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->items[1].find("d")->text, "z");
  EXPECT_EQ(list->items[1].find("d")->line, 5);
  EXPECT_EQ(root.find("e"), nullptr);
}

TEST(Yaml, AnEmptyFileIsAnEmptyMap) {
  for (const std::string_view text : {"", "# nothing\n", "---\n", "\n\n"}) {
    const Node root = parse_yaml(text, "f.yaml");
    EXPECT_EQ(root.kind, Node::Kind::kMap) << text;
    EXPECT_TRUE(root.items.empty());
  }
}

TEST(Yaml, ANullHasTheLineOfItsKey) {
  const Node root = parse_yaml("a: 1\nb:\n\n\nc: 2\n", "f.yaml");
  EXPECT_EQ(root.find("b")->kind, Node::Kind::kNull);
  EXPECT_EQ(root.find("b")->line, 2);
}

TEST(Yaml, RefusesWhatCouldMeanSomethingElse) {
  std::string deep = "a: ";
  deep += std::string(10'000, '[') + std::string(10'000, ']');
  std::string deep_block;
  for (int i = 0; i < kDepthMax + 1; ++i) deep_block += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  std::string bomb = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'k'; ++c)
    bomb += std::string{c} + ": &" + c + " [*" + static_cast<char>(c - 1) + ", *" + static_cast<char>(c - 1) + "]\n";
  struct {
    std::string_view name;
    std::string text;
    std::string_view want;  // a part of the line
  } const cases[] = {
      {"a duplicate key", "a: 1\nb: 2\na: 3\n", "f.yaml:3: a: is given twice; the first time in line 1"},
      {"a duplicate key below", "x:\n  - {k: 1}\n  - {k: 1, k: 2}\n", "f.yaml:3: x[1].k: is given twice"},
      {"a duplicate in other quotes", "a: 1\n\"a\": 2\n", "f.yaml:2: a: is given twice"},
      {"an anchor", "a: &x 1\n", "f.yaml:1: a: anchors"},
      {"an alias", "a: *x\n", "f.yaml:1:"},
      {"a bomb", bomb, "anchors"},
      {"a tag", "a: !!int 1\n", "f.yaml:1: a: tags"},
      {"a tag of a map", "a: !x {b: 1}\n", "tags"},
      {"a second document", "a: 1\n---\nb: 2\n", "second document"},
      {"10,000 levels", deep, "nested deeper"},
      {"10,000 open brackets", "a: " + std::string(10'000, '['), "f.yaml:1:"},
      {"a quote that swallows the rest", "a: \"x\nb: 2\n\n", "this is no YAML"},
      {"an unclosed single quote", "a: 'x\nb: 2\n", "this is no YAML"},
      {"a level too many", deep_block, "nested deeper"},
      {"a key that is a list", "? [1]\n: 2\n", "a key must be a text"},
      {"a key that is a map", "? {a: 1}\n: 2\n", "a key must be a text"},
      {"a null key", "~: 2\n", "a key must be a text"},
      {"not a map", "- a\n", "must be a map"},
      {"a text", "hello\n", "must be a map"},
      {"a BOM",
       "\xef\xbb\xbf"
       "a: 1\n",
       "f.yaml:1: the file begins with a byte order mark"},
      {"UTF-16",
       std::string("\xff\xfe"
                   "a\0:\0",
                   6),
       "byte order mark"},
      {"binary", std::string("a: 1\nb: \0\n", 10), "f.yaml:2: the file is binary"},
      {"an escape", "a: \x1b[31m\n", "binary"},
      {"an unclosed list", "a: [1, 2\n", "this is no YAML"},
      {"an unclosed quote", "a: \"x\n", "this is no YAML"},
      {"bad indentation", "a: 1\n b: 2\n", "this is no YAML"},
      {"a tab as indentation", "a:\n\tb: 1\n", "this is no YAML"},
      {"a plain text that begins with @", "a: @file:x\n", "in quotes"},
      {"too large", "a: \"" + std::string(kFileBytesMax, 'x') + "\"\n", "larger than 1 MiB"},
  };
  for (const auto& c : cases) {
    const std::string line = refusal(c.text);
    EXPECT_NE(line.find(c.want), std::string::npos) << c.name << ": " << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << c.name;
  }
}

TEST(Yaml, DepthReachesItsBound) {
  std::string text;
  for (int i = 0; i < kDepthMax; ++i)
    text += std::string(static_cast<size_t>(i), ' ') + "a:" + (i + 1 == kDepthMax ? " 1\n" : "\n");
  EXPECT_EQ(refusal(text), "(taken)");
}

}  // namespace
}  // namespace baton::config
