#include "admin/page_files.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/content_coding.h"

namespace baton::admin {
namespace {

constexpr size_t kPageFileBytesMax = 4 * 1024 * 1024;
constexpr std::string_view kAssets = "/assets/";

// The page runs its own script and talks to its own origin, nothing else; a string never becomes markup or script.
constexpr std::string_view kSecurityFields =
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "x-content-type-options: nosniff\r\n"
    "x-frame-options: DENY\r\n"
    "referrer-policy: no-referrer\r\n"
    "cross-origin-opener-policy: same-origin\r\n"
    "cross-origin-resource-policy: same-origin\r\n";

constexpr std::string_view kNoPage =
    "Baton runs. This binary was built without the operator's page: building it needs npm (./dev build does it when "
    "npm "
    "is there).\nThe same figures are at /metrics, /healthz and /readyz, and below /admin/v1.\n";

// The value of an Accept-Encoding element's q is not 0. "gzip", "gzip;q=0.5", "gzip ; q=0".
bool wanted(std::string_view parameters) {
  size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return true;
  std::string_view value = parameters.substr(q + 2);
  return value.find_first_of("123456789") != std::string_view::npos;
}

// If-None-Match: "*" or a list of tags, weak ones compared like strong ones.
bool matches(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string_view tag = ascii::trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == etag) return true;
  }
  return false;
}

PageReply plain(int status, std::string_view more_fields, std::string_view text) {
  std::string fields = "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n";
  fields += kSecurityFields;
  fields += more_fields;
  return {.status = status, .fields = std::move(fields), .body = std::string(text)};
}

PageReply file_reply(const PageFile& file, const PageRequest& request) {
  PageReply reply;
  // A hashed name never changes its content; the page itself is asked for again each time.
  reply.fields = file.path.starts_with(kAssets) ? "cache-control: public, max-age=31536000, immutable\r\n"
                                                : "cache-control: no-cache\r\n";
  reply.fields += "vary: accept-encoding\r\netag: ";
  reply.fields += file.etag;
  reply.fields += "\r\n";
  reply.fields += kSecurityFields;
  if (matches(request.if_none_match, file.etag)) {
    reply.status = 304;
    return reply;
  }
  reply.fields += "content-type: ";
  reply.fields += file.content_type;
  reply.fields += "\r\n";
  if (accepts_gzip(request.accept_encoding)) {
    reply.fields += "content-encoding: gzip\r\n";
    reply.body = file.gzip;
    return reply;
  }
  auto decoded = http::decode_whole(http::Coding::kGzip, file.gzip, {.output_bytes_max = kPageFileBytesMax});
  if (!decoded) return plain(500, "", "A file of the page is damaged.\n");
  reply.body = std::move(*decoded);
  return reply;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    size_t comma = accept_encoding.find(',');
    std::string_view element = accept_encoding.substr(0, comma);
    accept_encoding = comma == std::string_view::npos ? std::string_view() : accept_encoding.substr(comma + 1);
    size_t semicolon = element.find(';');
    std::string_view coding = ascii::trim(element.substr(0, semicolon));
    bool use = semicolon == std::string_view::npos || wanted(element.substr(semicolon));
    if (ascii::equal_ignoring_case(coding, "gzip")) return use;
    if (coding == "*") any = use;
  }
  return any;
}

std::optional<PageReply> PageFiles::answer(const PageRequest& request) const {
  auto file = std::ranges::find(files_, request.path, &PageFile::path);
  bool root = request.path == "/" && files_.empty();
  if (file == files_.end() && !root && !request.path.starts_with(kAssets)) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    return plain(405, "allow: GET, HEAD\r\n", "This page can only be read: use GET.\n");
  }
  if (root) return plain(200, "", kNoPage);
  if (file == files_.end()) return plain(404, "", "There is no such file. Reload the page at /.\n");
  return file_reply(*file, request);
}

}  // namespace baton::admin
