#include "net/cares_resolver.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "net/net_fixture.h"
#include "net/test_certificates.h"

namespace baton::net {
namespace {

using runtime::Cancellation;
using runtime::Task;
using Addresses = Expected<std::vector<IpAddress>>;

// A name server of a few lines (RFC 1035 4): answers A and AAAA out of a table, or fails, or keeps silent.
class NameServer final : public Watched {
 public:
  struct Record {
    std::vector<std::string> addresses;
    uint32_t ttl = 60;
    uint8_t code = 0;  // 2 server failure, 3 no such name
    bool silent = false;
  };

  // On the first free of 127.0.0.1, 127.0.0.2, ... at the port, or at any port of 127.0.0.1 when it is 0.
  explicit NameServer(EpollPoller& poller, uint16_t at_port = 0)
      : poller_(poller), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    uint8_t host = 0;
    SocketAddress at;
    do {
      at = socket_address(IpAddress::v4({127, 0, 0, ++host}), at_port);
    } while (::bind(fd_.get(), at.get(), at.length) != 0 && host < 250);
    nameserver = "nameserver 127.0.0." + std::to_string(host) + "\n";
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &length);
    port = port_of(bound);
    poller_.watch(fd_.get(), *this, EPOLLIN | EPOLLET);
  }
  ~NameServer() { poller_.unwatch(fd_.get()); }

  void on_ready(uint32_t) override {
    char query[1500];
    sockaddr_storage from{};
    for (;;) {
      socklen_t length = sizeof from;
      ssize_t n = ::recvfrom(fd_.get(), query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (n < 12) return;
      ++queries;
      std::string reply = answer({query, static_cast<size_t>(n)});
      if (!reply.empty())
        ::sendto(fd_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }

  std::map<std::string, Record> records;
  std::string nameserver;  // as in resolv.conf
  uint16_t port = 0;
  int queries = 0;

 private:
  static void put16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xff);
  }
  std::string answer(std::string_view query) {
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      size_t size = static_cast<uint8_t>(query[at]);
      name += (name.empty() ? "" : ".") + std::string(query.substr(at + 1, size));
      at += size + 1;
    }
    const bool v6 = query[at + 2] == 28;
    std::string_view question = query.substr(12, at + 5 - 12);
    auto found = records.find(name);
    Record record = found != records.end() ? found->second : Record{.addresses = {}, .code = 3};
    if (record.silent) return {};
    std::string body;
    unsigned count = 0;
    for (const std::string& text : record.addresses) {
      auto address = *IpAddress::parse(text);
      if (address.is_v6() != v6) continue;
      ++count;
      put16(body, 0xc00c);
      put16(body, v6 ? 28 : 1);
      put16(body, 1);
      put16(body, record.ttl >> 16);
      put16(body, record.ttl & 0xffff);
      size_t size = v6 ? 16 : 4;
      put16(body, static_cast<unsigned>(size));
      body.append(reinterpret_cast<const char*>(address.bytes().data()), size);
    }
    std::string out(query.substr(0, 2));
    put16(out, 0x8180u | record.code);
    put16(out, 1);
    put16(out, count);
    put16(out, 0);
    put16(out, 0);
    return out + std::string(question) + body;
  }

  EpollPoller& poller_;
  Fd fd_;
};

Task<void> ask(Resolver& resolver, std::string host, Cancellation& cancel, Addresses& out) {
  out = co_await resolver.resolve(std::move(host), cancel);
}

class Cares : public NetFixture {
 protected:
  void start(CaresOptions options = {}) {
    options.resolv_conf = directory.file("resolv.conf");
    options.port = server.port;
    std::ofstream(options.resolv_conf) << server.nameserver;
    resolver = std::make_unique<CaresResolver>(loop, poller, std::move(options));
  }
  Addresses resolve(std::string host) {
    Addresses out;
    tasks.spawn(ask(*resolver, std::move(host), calm, out));
    EXPECT_TRUE(finish());
    return out;
  }
  static std::vector<std::string> texts(const Addresses& addresses) {
    std::vector<std::string> out;
    if (addresses) {
      for (const IpAddress& address : *addresses) out.push_back(address.text());
    }
    std::ranges::sort(out);
    return out;
  }

  TestDirectory directory;
  NameServer server{poller};
  std::unique_ptr<CaresResolver> resolver;
  Cancellation calm;
};

TEST_F(Cares, BothFamiliesAreAskedForAndCached) {
  start();
  server.records["both.test"] = {.addresses = {"192.0.2.7", "192.0.2.8", "2001:db8::7"}};
  std::vector<std::string> want{"192.0.2.7", "192.0.2.8", "2001:db8::7"};
  EXPECT_EQ(texts(resolve("both.test")), want);
  EXPECT_EQ(texts(resolve("BOTH.test")), want);
  EXPECT_EQ(resolver->asked(), 1u);
  EXPECT_EQ(server.queries, 2);
}

TEST_F(Cares, NumericHostsAreTheirOwnAnswer) {
  start();
  EXPECT_EQ(texts(resolve("192.0.2.9")), std::vector<std::string>{"192.0.2.9"});
  EXPECT_EQ(texts(resolve("2001:db8::9")), std::vector<std::string>{"2001:db8::9"});
  EXPECT_EQ(resolver->asked(), 0u);
}

TEST_F(Cares, EqualQuestionsShareOneFlight) {
  start();
  server.records["shared.test"] = {.addresses = {"192.0.2.1"}};
  std::vector<Addresses> answers(20);
  for (Addresses& answer : answers) tasks.spawn(ask(*resolver, "shared.test", calm, answer));
  EXPECT_EQ(tasks.size(), 20u);
  ASSERT_TRUE(finish());
  for (const Addresses& answer : answers) EXPECT_EQ(texts(answer), std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(resolver->asked(), 1u);
}

TEST_F(Cares, OneWhoIsCancelledLeavesTheOthersWaiting) {
  start();
  server.records["slow.test"] = {.addresses = {"192.0.2.1"}};
  Cancellation impatient;
  Addresses first, second;
  tasks.spawn(ask(*resolver, "slow.test", impatient, first));
  tasks.spawn(ask(*resolver, "slow.test", calm, second));
  impatient.cancel(runtime::CancelReason::kClientGone);
  ASSERT_TRUE(finish());
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(second);
}

TEST_F(Cares, NoSuchHostIsSaidAtOnceAndNotRemembered) {
  start();
  auto missing = resolve("missing.test");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kConnect);
  EXPECT_NE(missing.error().detail.find("missing.test"), std::string::npos);
  server.records["missing.test"] = {.addresses = {"192.0.2.1"}};
  EXPECT_TRUE(resolve("missing.test"));
}

TEST_F(Cares, TheLastGoodAnswerIsUsedWhenTheServerFails) {
  start({.cache = {.refresh = Duration(0), .stale_max = std::chrono::seconds(3600)}});
  server.records["flaky.test"] = {.addresses = {"192.0.2.1"}};
  ASSERT_TRUE(resolve("flaky.test"));
  server.records["flaky.test"] = {.addresses = {}, .code = 2};
  EXPECT_EQ(texts(resolve("flaky.test")), std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(resolver->asked(), 2u);
  EXPECT_EQ(texts(resolve("flaky.test")), std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(resolver->asked(), 2u) << "a failure just seen is not waited for again";
  server.records["other.test"] = {.addresses = {}, .code = 2};
  auto other = resolve("other.test");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConnect);
}

TEST_F(Cares, ADeniedHostIsNotServedStale) {
  start({.cache = {.refresh = Duration(0), .stale_max = std::chrono::seconds(3600)}});
  server.records["moved.test"] = {.addresses = {"192.0.2.1"}};
  ASSERT_TRUE(resolve("moved.test"));
  server.records.erase("moved.test");
  EXPECT_FALSE(resolve("moved.test"));
}

TEST_F(Cares, SilenceEndsByTimeAndTheNextAnswerIsTaken) {
  start({.timeout = std::chrono::milliseconds(20)});
  server.records["silent.test"] = {.addresses = {"192.0.2.1"}, .silent = true};
  auto silent = resolve("silent.test");
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::kConnectTimeout);
  EXPECT_GE(server.queries, 1);
}

TEST_F(Cares, AnotherResolvConfIsFollowed) {
  start({.cache = {.refresh = Duration(0)}});
  server.records["moving.test"] = {.addresses = {"192.0.2.1"}, .ttl = 0};
  ASSERT_TRUE(resolve("moving.test"));
  NameServer elsewhere(poller, server.port);
  elsewhere.records["moving.test"] = {.addresses = {"192.0.2.2"}};
  std::ofstream(directory.file("new")) << elsewhere.nameserver;
  std::filesystem::rename(directory.file("new"), directory.file("resolv.conf"));
  EXPECT_EQ(texts(resolve("moving.test")), std::vector<std::string>{"192.0.2.2"});
}

TEST_F(Cares, NoMoreThanTheBoundOfAddressesAreTaken) {
  start();
  auto& record = server.records["many.test"];
  for (int i = 0; i < 70; ++i) record.addresses.push_back("192.0.2." + std::to_string(i + 1));
  auto many = resolve("many.test");
  ASSERT_TRUE(many);
  EXPECT_EQ(many->size(), Resolver::kAddressesMax);
  server.records["twice.test"] = {.addresses = {"192.0.2.1", "192.0.2.1", "192.0.2.2"}};
  EXPECT_EQ(texts(resolve("twice.test")).size(), 2u);
}

TEST_F(Cares, ManyHostsAtOnceMeetTheBound) {
  start({.timeout = std::chrono::milliseconds(50)});
  std::vector<Addresses> answers(300);
  for (size_t i = 0; i < answers.size(); ++i) {
    std::string host = "h" + std::to_string(i) + ".test";
    server.records[host] = {.addresses = {}, .silent = true};
    tasks.spawn(ask(*resolver, host, calm, answers[i]));
  }
  ASSERT_TRUE(finish());
  size_t overloaded = 0;
  for (const Addresses& answer : answers) {
    ASSERT_FALSE(answer);
    if (answer.error().code == ErrorCode::kOverloaded) ++overloaded;
  }
  EXPECT_EQ(overloaded, 44u);
}

}  // namespace
}  // namespace baton::net
