#include "auth/signature.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "auth/key_ring.h"
#include "base/rfc3339.h"

namespace baton::auth {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const WallTime kNow = *parse_rfc3339("2026-11-24T12:00:00Z");
const std::string kSecretText(64, 'c');
const std::string kBodyText = R"({"model":"m"})";

// A head and the texts it views.
struct Request {
  std::string method = "POST";
  std::string host = "relay.example";
  std::string path = "/v1/messages";
  std::string query = {};
  Fields fields = {};

  http::RequestHead head() const {
    http::RequestHead out;
    out.method_text = method;
    out.host = host;
    out.path = path;
    out.query = query;
    for (const auto& [name, value] : fields) out.fields.push_back({name, value, http::field_id(name)});
    return out;
  }
  std::string& at(std::string_view name) {
    for (auto& [known, value] : fields) {
      if (known == name) return value;
    }
    ADD_FAILURE() << name;
    return fields.emplace_back(std::string(name), "").second;
  }
  void drop(std::string_view name) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  }
};

std::string digest_text(std::string_view body) { return hex(sha256(body)); }

Request signed_request(std::string time = "2026-11-24T12:00:00Z", Request request = {}) {
  request.fields.insert(request.fields.end(), {{"Baton-Signature-Key", "key_0123456789abcdef"},
                                               {"baton-signature-time", std::move(time)},
                                               {"baton-signature-nonce", "0123456789abcdef"},
                                               {"baton-signature-body", digest_text(kBodyText)},
                                               {"baton-signature", std::string(64, '0')}});
  const auto fields = read_signature(request.head(), kNow);
  if (fields) request.at("baton-signature") = hex(hmac_sha256(kSecretText, signed_text(request.head(), *fields)));
  return request;
}

bool good(const Request& request) {
  const auto head = request.head();
  const auto fields = read_signature(head, kNow);
  return fields && fits(Secret(kSecretText), signed_text(head, *fields), fields->signature);
}

TEST(Signature, TheVectorsOfTheReferenceSignersAreAccepted) {
  simdjson::dom::parser parser;
  const auto file = parser.load(std::string(BATON_SOURCE_DIR) + "/clients/signing/vectors.json");
  const std::string_view key = file["key"];
  const Secret secret{std::string(key.substr(key.rfind('-') + 1))};
  size_t count = 0;
  for (const auto vector : file["vectors"]) {
    const auto text = [&](std::string_view name) { return std::string(std::string_view(vector[name])); };
    SCOPED_TRACE(text("name"));
    Request request{.method = text("method"), .host = text("host"), .fields = {}};
    const std::string target = text("target");
    request.path = target.substr(0, target.find('?'));
    request.query = target.substr(request.path.size());
    request.fields = {{"baton-signature-key", text("key_id")},
                      {"baton-signature-time", text("time")},
                      {"baton-signature-nonce", text("nonce")},
                      {"baton-signature-body", text("digest")},
                      {"baton-signature", text("signature")}};
    if (!text("content_encoding").empty()) request.fields.emplace_back("content-encoding", text("content_encoding"));
    const auto head = request.head();
    const auto fields = read_signature(head, kNow);
    ASSERT_TRUE(fields) << fields.error().detail;
    EXPECT_EQ(signed_text(head, *fields), text("text"));
    EXPECT_TRUE(fits(secret, signed_text(head, *fields), fields->signature));
    EXPECT_TRUE(check_body(proof_of(*fields, {}), text("body")));
    ++count;
  }
  EXPECT_GE(count, 10u);
}

TEST(Signature, WhateverIsAlteredNoLongerFits) {
  ASSERT_TRUE(good(signed_request()));
  struct {
    std::string_view name;
    void (*alter)(Request&);
  } const cases[] = {
      {"method", [](Request& r) { r.method = "PUT"; }},
      {"path", [](Request& r) { r.path = "/v1/message"; }},
      {"a query", [](Request& r) { r.query = "?beta=true"; }},
      {"path that took from the query", [](Request& r) { r.path += "?"; }},
      {"host", [](Request& r) { r.host = "relay.exampl"; }},
      {"port", [](Request& r) { r.host += ":1"; }},
      {"content-encoding", [](Request& r) { r.fields.emplace_back("content-encoding", "gzip"); }},
      {"key", [](Request& r) { r.at("Baton-Signature-Key").back() = '0'; }},
      {"time", [](Request& r) { r.at("baton-signature-time") = "2026-11-24T12:00:01Z"; }},
      {"the same time in another spelling",
       [](Request& r) { r.at("baton-signature-time") = "2026-11-24T12:00:00.0Z"; }},
      {"nonce", [](Request& r) { r.at("baton-signature-nonce").back() = '0'; }},
      {"body digest", [](Request& r) { r.at("baton-signature-body") = digest_text("{}"); }},
      {"signature",
       [](Request& r) {
         char& last = r.at("baton-signature").back();
         last = last == '0' ? '1' : '0';
       }},
  };
  for (const auto& c : cases) {
    Request request = signed_request();
    c.alter(request);
    EXPECT_FALSE(good(request)) << c.name;
  }
  Request capitals = signed_request();
  capitals.host = "Relay.EXAMPLE";
  EXPECT_TRUE(good(capitals)) << "a host has no case";
}

TEST(Signature, NoTwoRequestsHaveOneText) {
  // What one part ends with must not be what the next begins with.
  const auto text = [](std::string path, std::string coding, std::string nonce) {
    Request request{.path = std::move(path), .fields = {{"content-encoding", std::move(coding)}}};
    request = signed_request("2026-11-24T12:00:00Z", std::move(request));
    request.at("baton-signature-nonce") = std::move(nonce);
    const auto head = request.head();
    return signed_text(head, *read_signature(head, kNow));
  };
  const std::string nonce(16, 'n');
  EXPECT_NE(text("/v1/a", "4:gzip", nonce), text("/v1/a4:", "gzip", nonce));
  EXPECT_NE(text("/v1/a", "", nonce), text("/v1/a", "0:", nonce));
  EXPECT_NE(text("/v1/a1", "gzip", nonce), text("/v1/a", "1gzip", nonce));
}

TEST(Signature, WhatIsNotOfTheFormIsRefusedWithTheReason) {
  struct {
    std::string_view name;
    void (*alter)(Request&);
    std::string_view sentence;
  } const cases[] = {
      {"signature upper case", [](Request& r) { r.at("baton-signature") = std::string(64, 'A'); }, "64 lower-case"},
      {"signature in base64",
       [](Request& r) { r.at("baton-signature") = "kSyVt9wQ1m6Zb0bQ0aGx5cR8cQ4M2l0y0n1y3m5o7p8="; }, "64 lower-case"},
      {"signature cut", [](Request& r) { r.at("baton-signature").pop_back(); }, "64 lower-case"},
      {"signature longer", [](Request& r) { r.at("baton-signature").push_back('0'); }, "64 lower-case"},
      {"signature empty", [](Request& r) { r.at("baton-signature").clear(); }, "64 lower-case"},
      {"signature not hex", [](Request& r) { r.at("baton-signature").back() = 'g'; }, "64 lower-case"},
      {"signature missing", [](Request& r) { r.drop("baton-signature"); }, "64 lower-case"},
      {"signature twice", [](Request& r) { r.fields.emplace_back("baton-signature", std::string(64, '0')); },
       "baton-signature came twice"},
      {"key missing", [](Request& r) { r.drop("Baton-Signature-Key"); }, "baton-signature-key"},
      {"key with a quote", [](Request& r) { r.at("Baton-Signature-Key") = "' OR 1=1--"; }, "baton-signature-key"},
      {"time missing", [](Request& r) { r.drop("baton-signature-time"); }, "RFC 3339"},
      {"time twice", [](Request& r) { r.fields.emplace_back("baton-signature-time", "2026-11-24T12:00:00Z"); },
       "baton-signature-time came twice"},
      {"time in seconds", [](Request& r) { r.at("baton-signature-time") = "1795521600"; }, "RFC 3339"},
      {"time negative", [](Request& r) { r.at("baton-signature-time") = "-2026-11-24T12:00:00Z"; }, "RFC 3339"},
      {"leap second", [](Request& r) { r.at("baton-signature-time") = "2026-11-24T11:59:60Z"; }, "RFC 3339"},
      {"year 9999", [](Request& r) { r.at("baton-signature-time") = "9999-01-01T00:00:00Z"; }, "ahead of"},
      {"nonce short", [](Request& r) { r.at("baton-signature-nonce") = "012345678901234"; }, "16 to 64"},
      {"nonce long", [](Request& r) { r.at("baton-signature-nonce") = std::string(65, 'n'); }, "16 to 64"},
      {"nonce with a blank", [](Request& r) { r.at("baton-signature-nonce") = "01234567 89abcdef"; }, "16 to 64"},
      {"nonce without digest", [](Request& r) { r.drop("baton-signature-body"); }, "has both"},
      {"digest without nonce", [](Request& r) { r.drop("baton-signature-nonce"); }, "has both"},
      {"digest upper case", [](Request& r) { r.at("baton-signature-body") = std::string(64, 'A'); }, "SHA-256"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Request request = signed_request();
    c.alter(request);
    const auto fields = read_signature(request.head(), kNow);
    ASSERT_FALSE(fields);
    EXPECT_EQ(fields.error().code, ErrorCode::kUnauthenticated);
    EXPECT_EQ(fields.error().fault, Fault::kClient);
    EXPECT_NE(fields.error().detail.find(c.sentence), std::string::npos) << fields.error().detail;
  }
}

TEST(Signature, TheWindowIsThreeHundredSecondsOnEitherSide) {
  for (const auto& [time, in] : std::vector<std::pair<std::string, bool>>{{"2026-11-24T11:55:00Z", true},
                                                                          {"2026-11-24T12:05:00Z", true},
                                                                          {"2026-11-24T11:54:59.999Z", false},
                                                                          {"2026-11-24T12:05:00.001Z", false},
                                                                          {"2026-11-24T14:05:00+02:00", true}}) {
    const auto fields = read_signature(signed_request(time).head(), kNow);
    EXPECT_EQ(fields.has_value(), in) << time;
    if (!in) EXPECT_NE(fields.error().detail.find("300 s"), std::string::npos) << fields.error().detail;
  }
}

TEST(Signature, ABodyIsTheOneThatWasSigned) {
  const Request request = signed_request();
  const auto head = request.head();
  const Proof proof = proof_of(*read_signature(head, kNow), {});
  EXPECT_TRUE(check_body(proof, kBodyText));
  std::string other = kBodyText;
  other[3] ^= 1;
  for (const std::string& body : {other, kBodyText + " ", std::string()}) {
    const auto checked = check_body(proof, body);
    ASSERT_FALSE(checked) << body;
    EXPECT_EQ(checked.error().code, ErrorCode::kUnauthenticated);
  }
}

TEST(Signature, TheOlderFormBindsTimeAndBody) {
  Request request{.fields = {{"baton-signature-key", "key_1"}, {"baton-signature-time", "2026-11-24T12:00:00Z"}}};
  request.fields.emplace_back("baton-signature", hex(hmac_sha256(kSecretText, "2026-11-24T12:00:00Z:" + kBodyText)));
  const auto head = request.head();
  const auto fields = read_signature(head, kNow);
  ASSERT_TRUE(fields);
  ASSERT_TRUE(fields->legacy());
  const Proof proof = proof_of(*fields, {Secret(std::string(64, 'd')), Secret(kSecretText)});
  EXPECT_TRUE(check_body(proof, kBodyText));
  EXPECT_FALSE(check_body(proof, kBodyText + " "));
  EXPECT_FALSE(check_body(proof_of(*fields, {Secret(std::string(64, 'd'))}), kBodyText));
  EXPECT_FALSE(check_body(proof_of(*fields, {}), kBodyText)) << "no secret fits nothing";
}

TEST(Signature, ANoncesMarkIsOfItsKeyAndForm) {
  const auto mark = [](std::string key, std::string nonce) {
    Request request = signed_request();
    request.at("Baton-Signature-Key") = std::move(key);
    request.at("baton-signature-nonce") = std::move(nonce);
    const auto head = request.head();
    return proof_of(*read_signature(head, kNow), {}).mark;
  };
  const std::string nonce(16, 'n');
  EXPECT_EQ(mark("key_1", nonce), mark("key_1", nonce));
  EXPECT_NE(mark("key_1", nonce), mark("key_2", nonce));
  EXPECT_NE(mark("key_1", nonce), mark("key_1", nonce + "n"));
}

TEST(Signature, ASecretIsDerivedAnewTheSameAndNeverEmpty) {
  DigestSecret secret{};
  secret[0] = 1;
  SigningSalt salt{};
  const Secret first = signing_secret(secret, "key_1", salt);
  EXPECT_EQ(first.reveal().size(), kSigningSecretBytes);
  EXPECT_EQ(first.reveal(), signing_secret(secret, "key_1", salt).reveal());
  EXPECT_NE(first.reveal(), signing_secret(secret, "key_2", salt).reveal());
  salt[0] = 1;
  EXPECT_NE(first.reveal(), signing_secret(secret, "key_1", salt).reveal());
  EXPECT_DEATH((void)fits(Secret(""), "text", std::string(64, '0')), "") << "an empty secret signs nothing";
}

}  // namespace
}  // namespace baton::auth
