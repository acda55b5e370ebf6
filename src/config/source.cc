#include "config/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "config/value.h"

namespace baton::config {
namespace {

constexpr std::string_view kFileMark = "@file:";
constexpr std::string_view kVariableMark = "${";

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && c != '_' && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string system_reason(const std::string& path, int error) {
  return "the file " + ascii::excerpt(path, 200) + " cannot be read: " + std::strerror(error);
}

}  // namespace

std::optional<FileText> read_file(const std::string& path, size_t bytes_max, std::string& reason) {
  // Without O_NONBLOCK a named pipe would hold the start for ever.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    reason = system_reason(path, errno);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    reason =
        ascii::excerpt(path, 200) + (S_ISDIR(status.st_mode) ? " is a folder, not a file" : " is not a regular file");
    return std::nullopt;
  }
  FileText out{.text = std::string(bytes_max + 1, '\0'),
               .others_may_read = (status.st_mode & (S_IRGRP | S_IROTH)) != 0};
  size_t size = 0;
  while (size <= bytes_max) {
    const ssize_t got = ::read(file.get(), out.text.data() + size, out.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      reason = system_reason(path, errno);
      return std::nullopt;
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > bytes_max) {
    reason = "the file " + ascii::excerpt(path, 200) + " is larger than " + size_text(bytes_max);
    return std::nullopt;
  }
  out.text.resize(size);
  return out;
}

Source::Source(std::string file, Environment environment)
    : file_(std::move(file)), environment_(std::move(environment)) {}

void Source::refuse(int line, std::string key, std::string reason, std::string suggestion) const {
  throw Problem{file_, line, std::move(key), std::move(reason), std::move(suggestion)};
}

std::string Source::absolute(const std::string& path) const {
  if (path.starts_with('/')) return path;
  const size_t slash = file_.rfind('/');
  return slash == file_.npos ? path : file_.substr(0, slash + 1) + path;
}

void Source::require_file(const Node& node, const std::string& key, const std::string& path) const {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) refuse(node.line, key, system_reason(path, errno));
  if (!S_ISREG(status.st_mode)) refuse(node.line, key, ascii::excerpt(path, 200) + " is not a regular file");
  if (::access(path.c_str(), R_OK) != 0) refuse(node.line, key, system_reason(path, errno));
}

std::string Source::resolve(const Node& node, const std::string& key, Secrecy secrecy) const {
  switch (node.kind) {
    case Node::Kind::kNull: refuse(node.line, key, "has no value");
    case Node::Kind::kList: refuse(node.line, key, "must be a single value, not a list");
    case Node::Kind::kMap: refuse(node.line, key, "must be a single value, not a map");
    case Node::Kind::kText: break;
  }
  const std::string text = expand(node, key);
  // Asked of the file's own text: a variable's value that looks like a reference is just a value.
  if (!node.text.starts_with(kFileMark)) return text;
  return read_value(node, key, absolute(text.substr(kFileMark.size())), secrecy);
}

// Replaces each "${NAME}" once, from left to right.
std::string Source::expand(const Node& node, const std::string& key) const {
  std::string out;
  std::string_view rest = node.text;
  while (true) {
    const size_t mark = rest.find(kVariableMark);
    out += rest.substr(0, mark);
    if (mark == rest.npos) return out;
    if (!node.quoted) refuse(node.line, key, "put a text with ${…} in double quotes");
    rest.remove_prefix(mark + kVariableMark.size());
    const size_t close = rest.find('}');
    const std::string name(rest.substr(0, close));
    if (close == rest.npos || !is_variable_name(name)) {
      refuse(node.line, key, "has a \"${\" that is not followed by a variable's name and \"}\"");
    }
    const std::optional<std::string> value = environment_(name);
    if (!value) refuse(node.line, key, "the environment variable " + ascii::excerpt(name) + " is not set");
    out += *value;
    rest.remove_prefix(close + 1);
  }
}

std::string Source::read_value(const Node& node, const std::string& key, const std::string& path,
                               Secrecy secrecy) const {
  std::string reason;
  std::optional<FileText> file = read_file(path, kValueBytesMax, reason);
  if (!file) refuse(node.line, key, reason);
  if (secrecy == Secrecy::kSecret && file->others_may_read) {
    refuse(node.line, key,
           "the file " + ascii::excerpt(path, 200) + " can be read by its group or by everyone: chmod 600 it");
  }
  std::string& text = file->text;
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return std::move(text);
}

bool is_literally(const Node& node, std::string_view text) {
  return node.kind == Node::Kind::kText && node.text == text;
}

bool is_literal(const Node& node) {
  return node.kind == Node::Kind::kText && !node.text.starts_with(kFileMark) &&
         !(node.text.starts_with(kVariableMark) && node.text.ends_with('}'));
}

}  // namespace baton::config
