#include "sim/page.h"

#include <gtest/gtest.h>

#include "sim/multipart.h"
#include "sim/testing.h"

namespace baton::sim {
namespace {

TEST(Page, GivesTheAskedForPart) {
  struct Row {
    std::string name;
    std::string query;
    std::string want;
  };
  const Row rows[] = {
      {"everything", "", R"({"data":[a,b,c,d,e],"has_more":false,"first_id":"a","last_id":"e"})"},
      {"the first two", "?limit=2", R"({"data":[a,b],"has_more":true,"first_id":"a","last_id":"b"})"},
      {"after", "?limit=2&after_id=b", R"({"data":[c,d],"has_more":true,"first_id":"c","last_id":"d"})"},
      {"after the last", "?after_id=e", R"({"data":[],"has_more":false,"first_id":null,"last_id":null})"},
      {"before, nearest to it", "?before_id=d&limit=2",
       R"({"data":[b,c],"has_more":true,"first_id":"b","last_id":"c"})"},
      {"unknown parameters", "?beta=true&x", R"({"data":[a,b,c,d,e],"has_more":false,"first_id":"a","last_id":"e"})"},
      {"limit too small", "?limit=0", "400 limit: Input should be greater than or equal to 1"},
      {"limit too large", "?limit=1001", "400 limit: Input should be less than or equal to 1000"},
      {"unknown id", "?after_id=zz", "400 after_id: no such object"},
  };
  std::vector<std::string> ids = {"a", "b", "c", "d", "e"};
  Listing listing{.size = ids.size(),
                  .id = [&](size_t i) { return std::string_view(ids[i]); },
                  .append = [&](std::string& out, size_t i) { out += ids[i]; }};
  for (const Row& row : rows) {
    auto got = page(listing, row.query);
    EXPECT_EQ(got ? *got : std::to_string(got.error().status) + " " + got.error().message, row.want) << row.name;
  }
}

TEST(Page, QueryValuesAreDecoded) {
  EXPECT_EQ(query_values("?a=1&a=b%20c&b=2", "a"), (std::vector<std::string>{"1", "b c"}));
  EXPECT_EQ(query_values("?lifecycle%5B%5D=active", "lifecycle[]"), (std::vector<std::string>{"active"}));
  EXPECT_EQ(query_values("?a=%4", "a"), (std::vector<std::string>{"%4"}));
  EXPECT_EQ(query_values("", "a"), (std::vector<std::string>{}));
}

TEST(Multipart, FindsTheFile) {
  struct Row {
    std::string name;
    std::string type;
    std::string body;
    std::string want;  // filename|mime|content, or the error
  };
  const std::string kType = "multipart/form-data; boundary=XX";
  const Row rows[] = {
      {"one part", kType,
       "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: "
       "text/plain\r\n\r\nhi\r\n--XX--\r\n",
       "a.txt|text/plain|hi"},
      {"behind another part and a preamble", kType,
       "preamble\r\n--XX\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nx\r\n--XX\r\ncontent-disposition: "
       "form-data; filename=b; "
       "name=file\r\n\r\n\r\n--XX--",
       "b|application/octet-stream|"},
      {"quoted boundary", "Multipart/Form-Data; boundary=\"XX\"",
       "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c\"\r\n\r\n\r\nz\r\n--XX--",
       "c|application/octet-stream|\r\nz"},
      {"no boundary", "multipart/form-data", "--XX--", "Content-Type must be multipart/form-data with a boundary"},
      {"no multipart", "application/json", "{}", "Content-Type must be multipart/form-data with a boundary"},
      {"no file", kType, "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--XX--",
       "file: Field required"},
      {"no filename", kType, "--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhi\r\n--XX--",
       "file: a filename is required"},
      {"no end", kType, "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=a\r\n\r\nhi",
       "The multipart body does not end with its boundary"},
      {"no head", kType, "--XX", "The multipart body is malformed"},
      {"empty", kType, "", "The multipart body has no part"},
  };
  for (const Row& row : rows) {
    auto got = find_upload(row.type, row.body);
    EXPECT_EQ(got ? got->filename + "|" + got->mime_type + "|" + std::string(got->content) : got.error().message,
              row.want)
        << row.name;
    // A body cut anywhere is refused or read, never overread.
    for (size_t size = 0; size < row.body.size(); ++size) {
      std::vector<char> exact(row.body.begin(), row.body.begin() + static_cast<std::ptrdiff_t>(size));
      auto cut = find_upload(row.type, {exact.data(), exact.size()});
      if (cut) {
        EXPECT_LE(cut->content.size(), size);
      }
    }
  }
}

}  // namespace
}  // namespace baton::sim
