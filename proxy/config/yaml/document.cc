#include "config/yaml/document.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <numeric>
#include <sstream>

#include "config/yaml/syntax_error.h"
#include "config/yaml/utf8.h"

namespace tidegate::config {

namespace {

Position position_of(const YAML::Mark& mark) {
  return mark.is_null() ? Position{1, 1} : Position{mark.line + 1, mark.column + 1};
}

// Builds the tree from the parser's events. A node under construction lives in `open_` until it ends.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Node& root) : root_(root) {}

  int documents() const { return documents_; }
  Position last_document() const { return last_document_; }

  void OnDocumentStart(const YAML::Mark&) override { ++documents_; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    put(make(Node::Kind::null, mark, "?", anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Node node = make(Node::Kind::broken, mark, "?", 0);
    node.refusal = "aliases (*name) are not supported; write the value itself";
    put(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Node node = make(Node::Kind::scalar, mark, tag, anchor);
    node.text = text;
    node.quoted = tag == "!";
    put(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back({make(Node::Kind::sequence, mark, tag, anchor), {}, false});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back({make(Node::Kind::map, mark, tag, anchor), {}, false});
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    Node key;  // map: the key whose value comes next
    bool has_key = false;
  };

  Node make(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Node node;
    node.kind = kind;
    node.at = position_of(mark);
    if (open_.empty()) last_document_ = node.at;
    if (anchor != 0) node.refusal = "anchors (&name) are not supported; write the value where it is used";
    else if (tag != "?" && tag != "!" && !tag.empty()) node.refusal = "tags (!type) are not supported; remove the tag";
    return node;
  }

  void put(Node node) {
    if (open_.empty()) {
      if (documents_ == 1) root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      parent.key = std::move(node);
      parent.has_key = true;
    } else {
      // The parser locates a missing value at the next token; a message should point at the key.
      if (node.kind == Node::Kind::null) node.at = parent.key.at;
      parent.node.entries.push_back({std::move(parent.key), std::move(node)});
      parent.has_key = false;
    }
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    put(std::move(node));
  }

  Node& root_;
  std::vector<Open> open_;
  int documents_ = 0;
  Position last_document_;
};

// Refuses bytes that the parser would misread silently: it takes byte 4 for the end of the file, and guesses encodings.
bool readable(std::string_view yaml, Diagnostics& errors) {
  if (yaml.size() > kFileBytesMax) {
    errors.add({}, "", fmt::format("the file is larger than {} bytes", kFileBytesMax));
    return false;
  }
  const size_t bad = first_unreadable(yaml);
  if (bad == std::string_view::npos) return true;
  const std::string_view before = yaml.substr(0, bad);
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const Position at{static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                    static_cast<int>(bad - line_start) + 1};
  const auto byte = static_cast<unsigned char>(yaml[bad]);
  errors.add(at, "",
             byte < 0x80 ? fmt::format("control character 0x{:02x} is not allowed", byte)
                         : fmt::format("byte 0x{:02x} is not valid UTF-8", byte));
  return false;
}

bool run_parser(std::string_view yaml, TreeBuilder& builder, Diagnostics& errors) {
  // The parser accepts quoted text without a closing quote if the file ends in a line end. A comment after the last
  // line turns that into an error, and changes nothing else.
  std::istringstream stream{std::string(yaml) + (yaml.ends_with('\n') ? "#" : "\n#")};
  try {
    YAML::Parser parser(stream);
    while (builder.documents() < 2 && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::DeepRecursion& error) {
    errors.add(position_of(error.mark), "", "YAML syntax: nested too deeply");
    return false;
  } catch (const YAML::Exception& error) {
    SyntaxError explained = explain_syntax_error(yaml, position_of(error.mark), error.msg);
    errors.add(explained.at, "", std::move(explained.what));
    return false;
  } catch (const std::exception& error) {
    errors.add({}, "", std::string("YAML syntax: ") + error.what());
    return false;
  }
  return true;
}

}  // namespace

const Entry* Node::find(std::string_view key) const {
  if (by_key.empty()) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& each) { return each.key.text == key; });
    return found == entries.end() ? nullptr : &*found;
  }
  const auto found = std::lower_bound(by_key.begin(), by_key.end(), key, [&](uint32_t each, std::string_view wanted) {
    return entries[each].key.text < wanted;
  });
  return found != by_key.end() && entries[*found].key.text == key ? &entries[*found] : nullptr;
}

void Node::index_keys() {
  constexpr size_t kFew = 16;
  if (entries.size() <= kFew) return;
  by_key.resize(entries.size());
  std::iota(by_key.begin(), by_key.end(), 0);
  std::sort(by_key.begin(), by_key.end(),
            [&](uint32_t a, uint32_t b) { return entries[a].key.text < entries[b].key.text; });
}

bool parse_document(std::string_view yaml, Node& root, Diagnostics& errors) {
  if (!readable(yaml, errors)) return false;
  if (yaml.starts_with("\xef\xbb\xbf")) yaml.remove_prefix(3);
  TreeBuilder builder(root);
  if (!run_parser(yaml, builder, errors)) return false;
  if (builder.documents() > 1) {
    const bool outdented = builder.last_document().column < root.at.column;
    errors.add(builder.last_document(), "",
               outdented ? fmt::format("this line is indented less than line {}, the first", root.at.line)
                         : "the file must be one YAML document; a second one begins here");
    return false;
  }
  if (root.kind != Node::Kind::null) return true;
  errors.add({1, 1}, "", "the file is empty");
  return false;
}

const char* describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::scalar: return "a value";
    case Node::Kind::sequence: return "a list";
    case Node::Kind::map: return "a section";
    case Node::Kind::broken: break;
  }
  return "an invalid value";
}

}  // namespace tidegate::config
