// PageFiles: the operator's page, a handful of static files that hold no data: they ask the admin API for all they
// show. The files are built from web/ and compiled in; a build without them answers / with a sentence that says so.
// Life: made in app/, outlives the admin listener. Thread: any, immutable.
// Bounds: the files are constants of the binary; one is decoded (into at most kPageFileBytesMax) only for a client that
// does not accept gzip. Source: RFC 9110 8.8.3 and 13.1.2 (entity tags), CSP Level 3, Trusted Types (read 2026-11).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace baton::admin {

struct PageFile {
  std::string_view path;  // "/" or "/assets/NAME-HASH.EXTENSION"
  std::string_view content_type;
  std::string_view etag;  // with its quotes
  std::string_view gzip;  // the content, gzip-encoded
};

// What web/ was built to; empty when the relay was built without it.
std::span<const PageFile> embedded_page();

// Whether this Accept-Encoding, empty for none, takes gzip.
bool accepts_gzip(std::string_view accept_encoding);

struct PageRequest {
  std::string_view method;
  std::string_view path;             // without query
  std::string_view accept_encoding;  // empty: no such field
  std::string_view if_none_match;
};

struct PageReply {
  int status = 200;
  std::string fields;  // complete lines, content-type included
  std::string body;
};

class PageFiles {
 public:
  explicit PageFiles(std::span<const PageFile> files = embedded_page()) : files_(files) {}

  // Nothing when the path is not one of the page's. GET and HEAD are answered alike, another method with 405.
  // Everything below /assets/ is the page's, so that an unknown name there is its 404.
  std::optional<PageReply> answer(const PageRequest& request) const;

 private:
  std::span<const PageFile> files_;
};

}  // namespace baton::admin
