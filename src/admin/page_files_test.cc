#include "admin/page_files.h"

#include <gtest/gtest.h>

namespace baton::admin {
namespace {

// "<p>hello</p>" as gzip.
constexpr unsigned char kHello[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xb3,
                                    0x29, 0xb0, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xb7, 0xd1, 0x2f, 0xb0,
                                    0x03, 0x00, 0x44, 0xfb, 0xae, 0xd2, 0x0c, 0x00, 0x00, 0x00};
const std::string_view kGzip(reinterpret_cast<const char*>(kHello), sizeof kHello);

const PageFile kFiles[] = {
    {"/", "text/html; charset=utf-8", "\"abc\"", kGzip},
    {"/assets/app-12.js", "text/javascript; charset=utf-8", "\"def\"", kGzip},
    {"/assets/broken-34.css", "text/css; charset=utf-8", "\"ghi\"", kGzip.substr(0, 20)},
};

bool has(const PageReply& reply, std::string_view line) {
  return ("\r\n" + reply.fields).find("\r\n" + std::string(line)) != std::string::npos;
}

TEST(PageFiles, AnswersItsOwnPathsAndLeavesTheOthers) {
  struct {
    const char* name;
    PageRequest request;
    int want;  // 0: not the page's
  } const cases[] = {
      {"the page", {"GET", "/", "gzip", ""}, 200},
      {"its head", {"HEAD", "/", "gzip", ""}, 200},
      {"an asset", {"GET", "/assets/app-12.js", "gzip", ""}, 200},
      {"an asset of another build", {"GET", "/assets/app-99.js", "gzip", ""}, 404},
      {"the folder itself", {"GET", "/assets/", "gzip", ""}, 404},
      {"a step upwards", {"GET", "/assets/../metrics", "gzip", ""}, 404},
      {"another method", {"POST", "/", "gzip", ""}, 405},
      {"another method on an asset", {"DELETE", "/assets/app-12.js", "gzip", ""}, 405},
      {"the metrics", {"GET", "/metrics", "gzip", ""}, 0},
      {"the API", {"GET", "/admin/v1/overview", "gzip", ""}, 0},
      {"what only begins alike", {"GET", "/assetsx", "gzip", ""}, 0},
      {"no path", {"GET", "", "gzip", ""}, 0},
  };
  for (const auto& c : cases) {
    auto reply = PageFiles(kFiles).answer(c.request);
    EXPECT_EQ(reply ? reply->status : 0, c.want) << c.name;
    if (!reply) continue;
    EXPECT_TRUE(has(*reply,
                    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; "
                    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none';"))
        << c.name;
    EXPECT_TRUE(has(*reply, "x-content-type-options: nosniff\r\n")) << c.name;
    EXPECT_EQ(has(*reply, "allow: GET, HEAD\r\n"), c.want == 405) << c.name;
  }
}

TEST(PageFiles, GivesGzipToThoseWhoAcceptIt) {
  struct {
    const char* accepted;
    bool gzip;
  } const cases[] = {
      {"gzip", true},
      {"deflate, gzip;q=1.0, *;q=0.5", true},
      {"GZIP", true},
      {"br,gzip ; q=0.001", true},
      {"*", true},
      {"", false},
      {"identity", false},
      {"gzip;q=0", false},
      {"gzip;q=0.000", false},
      {"*;q=0", false},
      {"br, *;q=0", false},
      {"*, gzip;q=0", false},
      {"xgzip", false},
  };
  for (const auto& c : cases) {
    auto reply = PageFiles(kFiles).answer({"GET", "/", c.accepted, ""});
    ASSERT_TRUE(reply) << c.accepted;
    EXPECT_EQ(reply->status, 200) << c.accepted;
    EXPECT_EQ(has(*reply, "content-encoding: gzip\r\n"), c.gzip) << c.accepted;
    EXPECT_EQ(reply->body, c.gzip ? kGzip : "<p>hello</p>") << c.accepted;
    EXPECT_TRUE(has(*reply, "content-type: text/html; charset=utf-8\r\n")) << c.accepted;
    EXPECT_TRUE(has(*reply, "vary: accept-encoding\r\n")) << c.accepted;
  }
}

TEST(PageFiles, OnlyHashedNamesAreKeptForGood) {
  EXPECT_TRUE(has(*PageFiles(kFiles).answer({"GET", "/", "gzip", ""}), "cache-control: no-cache\r\n"));
  EXPECT_TRUE(has(*PageFiles(kFiles).answer({"GET", "/assets/app-12.js", "gzip", ""}),
                  "cache-control: public, max-age=31536000, immutable\r\n"));
  EXPECT_TRUE(has(*PageFiles(kFiles).answer({"GET", "/assets/old.js", "gzip", ""}), "cache-control: no-store\r\n"));
}

TEST(PageFiles, WhatTheClientHasIsNotSentAgain) {
  struct {
    const char* tags;
    int want;
  } const cases[] = {
      {"\"abc\"", 304}, {"\"x\", \"abc\"", 304}, {"W/\"abc\"", 304}, {"*", 304}, {"\"x\"", 200},
      {"abc", 200},     {"\"abcd\"", 200},       {",", 200},
  };
  for (const auto& c : cases) {
    auto reply = PageFiles(kFiles).answer({"GET", "/", "gzip", c.tags});
    EXPECT_EQ(reply->status, c.want) << c.tags;
    EXPECT_EQ(reply->body.empty(), c.want == 304) << c.tags;
    EXPECT_TRUE(has(*reply, "etag: \"abc\"\r\n")) << c.tags;
  }
}

TEST(PageFiles, ADamagedFileIsSaid) {
  EXPECT_EQ(PageFiles(kFiles).answer({"GET", "/assets/broken-34.css", "", ""})->status, 500);
}

TEST(PageFiles, WithoutThePageItSaysSo) {
  auto reply = PageFiles({}).answer({"GET", "/", "gzip", ""});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_TRUE(has(*reply, "content-type: text/plain; charset=utf-8\r\n"));
  EXPECT_NE(reply->body.find("built without the operator's page"), std::string::npos);
  EXPECT_EQ(PageFiles({}).answer({"GET", "/assets/app-12.js", "gzip", ""})->status, 404);
  EXPECT_FALSE(PageFiles({}).answer({"GET", "/metrics", "gzip", ""}));
}

TEST(PageFiles, EveryEmbeddedFileCanBeReadBack) {
  for (const PageFile& file : embedded_page()) {
    auto reply = PageFiles().answer({"GET", file.path, "", ""});
    ASSERT_TRUE(reply) << file.path;
    EXPECT_EQ(reply->status, 200) << file.path;
    EXPECT_GT(reply->body.size(), 20U) << file.path;
  }
}

}  // namespace
}  // namespace baton::admin
