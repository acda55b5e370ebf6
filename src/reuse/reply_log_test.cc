#include "reuse/reply_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace baton::reuse {
namespace {

using namespace std::chrono_literals;

class ReplyLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "baton-replies-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    start();
  }
  void TearDown() override {
    store_.reset();
    log_.reset();
    std::filesystem::remove_all(folder_);
  }

  // As a process does: the log, what it holds, and then calls.
  void start() {
    store_.reset();
    log_.reset();
    auto opened = ReplyLog::open({.folder = folder_ + "/cache", .bytes_max = bytes_max_}, clock_);
    ASSERT_TRUE(opened) << opened.error().detail;
    log_ = std::move(*opened);
    store_ = std::make_unique<ReplyStore>(config_, log_->secret());
    secret_ = log_->secret();
    digester_.emplace(secret_);
    log_->restore(*store_);
    store_->use(*log_);
  }
  Digest digest(std::string_view tenant, int n) {
    const std::string body = "{\"n\":" + std::to_string(n) + "}";
    return *digester_->digest({.tenant = tenant, .path = "/", .version = "1", .betas = {}, .body = body});
  }
  void keep(std::string_view tenant, int n, const std::string& content, std::string_view tags = {}) {
    model::Usage usage{.known = true, .input_tokens = 7, .output_tokens = n, .tier = model::ServiceTier::kPriority};
    const auto change = store_->keep(digest(tenant, n),
                                     {.content = content,
                                      .events = n % 2 == 0,
                                      .stop_reason = "end_turn",
                                      .request_id = "req_1",
                                      .usage = usage,
                                      .tenant = tenant,
                                      .tags = tags,
                                      .purges = store_->purges()},
                                     clock_.now());
    EXPECT_TRUE(change.stored);
  }
  std::shared_ptr<const KeptReply> find(std::string_view tenant, int n, Duration stale = {}) {
    cache::Change change;
    return store_->find(digest(tenant, n), clock_.now(), change, stale);
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> out;
    for (const auto& one : std::filesystem::directory_iterator(folder_ + "/cache"))
      if (one.path().extension() == ".log") out.push_back(one.path());
    return out;
  }
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  runtime::SystemClock clock_;
  Config config_{.ttl = 1h, .stale_max = 1h};
  uint64_t bytes_max_ = 64 * kMiB;
  std::string folder_;
  std::array<uint8_t, 32> secret_{};
  std::unique_ptr<ReplyLog> log_;
  std::unique_ptr<ReplyStore> store_;
  std::optional<Digester> digester_;
};

TEST_F(ReplyLogTest, a_restart_begins_with_what_was_kept) {
  const std::string large(40 * kKiB, 'x');
  keep("ann", 1, "small", "env=ci");
  keep("bob", 2, large);
  keep("ann", 1, "newer", "env=ci");
  const auto before = find("ann", 1);
  start();
  EXPECT_EQ(log_->counts().restored, 3u) << "each as it was written";
  const auto after = find("ann", 1);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->content, "newer");
  EXPECT_EQ(after->tenant, "ann");
  EXPECT_EQ(after->tags, "env=ci");
  EXPECT_EQ(after->request_id, "req_1");
  EXPECT_EQ(after->usage, before->usage);
  EXPECT_EQ(after->identity, before->identity);
  EXPECT_LT(std::abs(seconds(after->fresh_until - before->fresh_until)), 0.1);
  EXPECT_EQ(content_as(*find("bob", 2), true), large);
  EXPECT_TRUE(find("bob", 2)->packed);
  EXPECT_EQ(find("bob", 1), nullptr) << "another tenant's";
  EXPECT_EQ(std::filesystem::status(files()[0]).permissions(), std::filesystem::perms(0600));
}

TEST_F(ReplyLogTest, what_is_over_stays_away_and_stricter_times_hold) {
  config_.ttl = 1s;
  config_.stale_max = 0s;
  keep("ann", 1, "a");
  config_.ttl = 1ns;
  start();
  EXPECT_EQ(log_->counts().restored, 0u);
  EXPECT_EQ(find("ann", 1), nullptr);
  EXPECT_TRUE(files().empty()) << "a segment of which nothing is left is removed";
}

TEST_F(ReplyLogTest, damage_anywhere_costs_what_it_hits_and_no_wrong_byte_is_served) {
  for (int n = 0; n < 8; ++n) keep("t", n, "content of " + std::to_string(n));
  log_->settle();
  ASSERT_EQ(files().size(), 1u);
  const auto path = files()[0];
  const std::string whole = text_of(path);
  for (size_t at = 0; at < whole.size(); at += 61) {
    for (const bool cut : {false, true}) {
      std::string damaged = cut ? whole.substr(0, at) : whole;
      if (!cut) damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
      store_.reset();
      log_.reset();
      std::filesystem::remove_all(folder_ + "/cache");
      std::filesystem::create_directories(folder_ + "/cache");
      std::ofstream(path, std::ios::binary) << damaged;
      // The secret stays.
      const auto secret = secret_;
      std::ofstream(folder_ + "/cache/secret", std::ios::binary)
          .write(reinterpret_cast<const char*>(secret.data()), 32);
      start();
      size_t left = 0;
      for (int n = 0; n < 8; ++n) {
        const auto found = find("t", n);
        if (found == nullptr) continue;
        ++left;
        ASSERT_EQ(found->content, "content of " + std::to_string(n));
      }
      if (!cut) ASSERT_EQ(left, 7u) << at;
      if (!cut) ASSERT_EQ(log_->counts().damaged, 1u);
      ASSERT_EQ(left, log_->counts().restored);
    }
  }
}

TEST_F(ReplyLogTest, what_was_written_under_another_secret_is_nobodys) {
  keep("t", 1, "a");
  log_->settle();
  std::filesystem::remove(folder_ + "/cache/secret");
  start();
  EXPECT_EQ(log_->counts().restored, 0u);
  EXPECT_GE(log_->counts().damaged, 1u);
}

TEST_F(ReplyLogTest, what_is_purged_does_not_come_back) {
  for (int n = 0; n < 10; ++n)
    keep(n < 5 ? "ann" : "bob", n, "secret word of " + std::to_string(n), n == 7 ? "env=ci" : "");
  EXPECT_EQ(store_->purge({.tenant = "ann"}).entries, -5);
  EXPECT_EQ(store_->purge({.tag = "env=ci"}).entries, -1);
  for (const auto& file : files()) {
    EXPECT_EQ(text_of(file).find("word of 3"), std::string::npos) << "nor is it on the disk";
    EXPECT_NE(text_of(file).find("word of 6"), std::string::npos);
  }
  keep("ann", 1, "after the purge");
  start();
  EXPECT_EQ(find("ann", 1)->content, "after the purge");
  for (int n : {0, 2, 3, 4}) EXPECT_EQ(find("ann", n), nullptr) << n;
  EXPECT_EQ(find("bob", 7), nullptr);
  EXPECT_NE(find("bob", 6), nullptr);
  store_->purge({.all = true});
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(log_->counts().bytes, 0);
}

TEST_F(ReplyLogTest, stays_within_its_bytes_and_the_oldest_go) {
  bytes_max_ = 4 * kMiB;
  start();
  std::string content(100 * kKiB, 'a');
  uint32_t chance = 1;
  for (char& c : content) c = static_cast<char>('a' + ((chance = chance * 1664525 + 1013904223) >> 24) % 26);
  for (int n = 0; n < 120; ++n) {
    keep("t", n, content + std::to_string(n));
    if (n % 8 == 7) log_->settle();
    ASSERT_LE(log_->counts().bytes, static_cast<int64_t>(bytes_max_));
  }
  uint64_t on_disk = 0;
  for (const auto& file : files()) on_disk += std::filesystem::file_size(file);
  EXPECT_EQ(static_cast<int64_t>(on_disk), log_->counts().bytes);
  start();
  EXPECT_NE(find("t", 119), nullptr);
  EXPECT_EQ(find("t", 0), nullptr);
}

TEST_F(ReplyLogTest, a_disk_that_takes_nothing_costs_no_call) {
  std::filesystem::remove_all(folder_ + "/cache");
  keep("t", 1, "a");
  log_->settle();
  EXPECT_NE(find("t", 1), nullptr);
  EXPECT_EQ(log_->counts().failed, 1u);
  EXPECT_FALSE(log_->trouble().empty());
  std::filesystem::create_directories(folder_ + "/cache");
  keep("t", 2, "b");
  log_->settle();
  EXPECT_TRUE(log_->trouble().empty());
  EXPECT_EQ(log_->counts().written, 1u);
}

TEST_F(ReplyLogTest, one_process_writes_at_a_time) {
  keep("ann", 1, "before");
  log_->settle();
  const auto segment = files();
  ASSERT_EQ(segment.size(), 1u);
  // A successor reads what is there while its predecessor goes on writing.
  auto opened = ReplyLog::open({.folder = folder_ + "/cache", .bytes_max = bytes_max_}, clock_);
  ASSERT_TRUE(opened) << opened.error().detail;
  ReplyLog& next = **opened;
  ReplyStore next_store(config_, next.secret());
  next.restore(next_store);
  next_store.use(next);
  EXPECT_EQ(next.counts().restored, 1u);
  const auto keep_in_next = [&](int n) {
    EXPECT_TRUE(
        next_store
            .keep(digest("ann", n),
                  {.content = "of the next", .stop_reason = "end_turn", .tenant = "ann", .purges = next_store.purges()},
                  clock_.now())
            .stored);
    next.settle();
  };
  keep_in_next(2);
  EXPECT_EQ(next.counts().failed, 1u);
  EXPECT_NE(next.trouble().find("another process writes there"), std::string::npos);
  EXPECT_EQ(files(), segment) << "the successor wrote beside its predecessor";
  keep("ann", 3, "meanwhile");
  // The predecessor leaves: what it keeps from then on stays in its memory, and the successor writes.
  log_->leave();
  keep("ann", 4, "too late");
  EXPECT_NE(find("ann", 4), nullptr);
  keep_in_next(5);
  EXPECT_EQ(next.counts().failed, 1u);
  EXPECT_EQ(next.counts().written, 1u);
  EXPECT_EQ(next.trouble(), "");
  next_store.purge({.tenant = "nobody"});
  opened->reset();
  start();
  for (const int n : {1, 3, 5}) EXPECT_NE(find("ann", n), nullptr) << n;
  for (const int n : {2, 4}) EXPECT_EQ(find("ann", n), nullptr) << n;
  EXPECT_EQ(log_->counts().damaged, 0u);
}

TEST_F(ReplyLogTest, what_is_purged_goes_also_while_another_process_writes) {
  keep("ann", 1, "a");
  keep("bob", 1, "b");
  log_->settle();
  {
    auto opened = ReplyLog::open({.folder = folder_ + "/cache", .bytes_max = bytes_max_}, clock_);
    ASSERT_TRUE(opened) << opened.error().detail;
    ReplyStore next_store(config_, (*opened)->secret());
    (*opened)->restore(next_store);
    next_store.use(**opened);
    next_store.purge({.tenant = "ann"});
  }
  start();
  EXPECT_EQ(find("ann", 1), nullptr);
  EXPECT_NE(find("bob", 1), nullptr);
}

}  // namespace
}  // namespace baton::reuse
