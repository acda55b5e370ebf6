#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "base/ascii.h"

namespace baton::config {
namespace {

// Builds the tree from the parser's events, so that nothing of the library's own tree (which keeps duplicate keys and
// shares aliased nodes) is relied on.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  bool has_document() const { return has_document_; }
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_document_) refuse(mark, "a second document is not taken: remove the \"---\" before it");
    has_document_ = true;
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse(mark, "anchors (&) are not taken"); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*) are not taken: put a text that begins with * in quotes");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expects_key()) refuse(mark, "a key must be a text");
    Node node;
    node.line = levels_.empty() ? line_of(mark) : levels_.back().key_line;
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    if (tag != "?" && tag != "!") refuse(mark, "tags (!) are not taken: put a text that begins with ! in quotes");
    if (expects_key()) return begin_field(mark, value);
    Node node;
    node.kind = Node::Kind::kText;
    node.line = line_of(mark);
    node.quoted = tag == "!";
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    descend(mark, tag, Node::Kind::kList);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    descend(mark, tag, Node::Kind::kMap);
  }
  void OnSequenceEnd() override { ascend(); }
  void OnMapEnd() override { ascend(); }

 private:
  struct Level {
    Node node;
    std::string key;  // of the field whose value comes next
    int key_line = 1;
    bool has_key = false;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }
  bool expects_key() const {
    return !levels_.empty() && levels_.back().node.kind == Node::Kind::kMap && !levels_.back().has_key;
  }
  std::string path() const {
    std::string out;
    for (const Level& level : levels_) {
      if (level.node.kind == Node::Kind::kList) {
        out += '[' + std::to_string(level.node.items.size()) + ']';
      } else if (level.has_key) {
        if (!out.empty()) out += '.';
        out += level.key;
      }
    }
    return out;
  }
  [[noreturn]] void refuse(const YAML::Mark& mark, std::string reason) const {
    throw Problem{file_, line_of(mark), path(), std::move(reason), {}};
  }
  void begin_field(const YAML::Mark& mark, const std::string& key) {
    Level& level = levels_.back();
    level.key = ascii::excerpt(key);
    level.key_line = line_of(mark);
    level.has_key = true;
    if (const Node* first = level.node.find(level.key)) {
      refuse(mark, "is given twice; the first time in line " + std::to_string(first->line));
    }
  }
  void descend(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
    if (tag != "?" && !tag.empty()) refuse(mark, "tags (!) are not taken");
    if (expects_key()) refuse(mark, "a key must be a text");
    if (levels_.size() >= kDepthMax) refuse(mark, "is nested deeper than " + std::to_string(kDepthMax) + " levels");
    Level level;
    level.node.kind = kind;
    level.node.line = line_of(mark);
    levels_.push_back(std::move(level));
  }
  void ascend() {
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(node));
  }
  void add(Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    node.key = level.key;
    level.node.items.push_back(std::move(node));
    level.has_key = false;
  }

  const std::string& file_;
  std::vector<Level> levels_;
  Node root_;
  bool has_document_ = false;
};

// Bytes that no configuration has: what they mean depends on who reads them.
void check_bytes(std::string_view text, const std::string& file) {
  if (text.size() > kFileBytesMax) throw Problem{file, 0, {}, "the file is larger than 1 MiB", {}};
  if (text.starts_with("\xef\xbb\xbf") || text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw Problem{file, 1, {}, "the file begins with a byte order mark: save it as UTF-8 without one", {}};
  }
  int line = 1;
  for (char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) {
      throw Problem{file, line, {}, "the file is binary: it has a control character", {}};
    }
  }
}

std::string explained(const YAML::ParserException& error) {
  if (error.msg == "unknown token") return "this is no YAML: put a text that begins with @, ` or % in quotes";
  return "this is no YAML: " + ascii::excerpt(error.msg, 120);
}

}  // namespace

const Node* Node::find(std::string_view field) const {
  if (kind != Kind::kMap) return nullptr;
  for (const Node& item : items) {
    if (item.key == field) return &item;
  }
  return nullptr;
}

Node parse_yaml(std::string_view text, const std::string& file) {
  check_bytes(text, file);
  TreeBuilder builder(file);
  try {
    // At a line's end the library takes the end of the file for the end of a quoted text; anywhere else it reports it.
    std::istringstream in{std::string(text.substr(0, text.find_last_not_of(" \t\r\n") + 1))};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::ParserException& error) {
    throw Problem{file, error.mark.line + 1, {}, explained(error), {}};
  } catch (const YAML::Exception& error) {
    throw Problem{file, 0, {}, "this is no YAML: " + ascii::excerpt(error.what(), 120), {}};
  }
  Node root = builder.take();
  if (root.kind == Node::Kind::kNull) root.kind = Node::Kind::kMap;
  if (root.kind != Node::Kind::kMap) {
    throw Problem{file, root.line, {}, "the file must be a map of settings, as in \"listen: 127.0.0.1:8787\"", {}};
  }
  return root;
}

}  // namespace baton::config
