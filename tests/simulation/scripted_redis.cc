#include "tests/simulation/scripted_redis.h"

#include <algorithm>

#include "reuse/shared_replies.h"
#include "runtime/wait.h"
#include "store/resp.h"

namespace baton::simulation {

using runtime::IoStatus;
using runtime::Task;

namespace {

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
constexpr std::string_view kNothing = "$-1\r\n";

}  // namespace

RedisData::Text* ScriptedRedis::text(const std::string& name) {
  const auto found = data_.texts.find(name);
  if (found == data_.texts.end()) return nullptr;
  if (!found->second.until || *found->second.until > loop_.now()) return &found->second;
  data_.texts.erase(found);
  return nullptr;
}

bool ScriptedRedis::set(const std::string& name, std::string value, std::optional<int64_t> ms, bool only_new) {
  if (only_new && text(name) != nullptr) return false;
  auto& there = data_.texts[name];
  there.value = std::move(value);
  there.until = ms ? std::optional(loop_.now() + std::chrono::milliseconds(*ms)) : std::nullopt;
  return true;
}

std::string* ScriptedRedis::lease() {
  for (auto& [name, text] : data_.texts) {
    if (name.find("lease:") != name.npos) return &text.value;
  }
  return nullptr;
}

std::string ScriptedRedis::run_script(const std::vector<std::string>& words) {
  namespace scripts = reuse::scripts;
  const std::string& script = words[1];
  const auto keys = static_cast<size_t>(std::stoul(words[2]));
  const auto key = [&](size_t i) { return words.at(2 + i); };
  const auto arg = [&](size_t i) { return words.at(2 + keys + i); };
  if (script == scripts::kTakeTurn) {
    if (const auto* value = text(key(1))) {
      const auto* point = text(key(3));
      return "*2\r\n" + bulk(value->value) + bulk(point != nullptr ? point->value : "");
    }
    return set(key(2), arg(1), std::stoll(arg(2)), true) ? ":1\r\n" : ":0\r\n";
  }
  if (script == scripts::kRenewLease || script == scripts::kEndLease) {
    auto* lease = text(key(1));
    if (lease == nullptr || lease->value != arg(1)) return ":0\r\n";
    if (script == scripts::kEndLease) {
      data_.texts.erase(key(1));
    } else {
      lease->until = loop_.now() + std::chrono::milliseconds(std::stoll(arg(2)));
    }
    return ":1\r\n";
  }
  auto* point = text(key(1));
  if (script == scripts::kForgetPurges || point == nullptr) {
    set(key(1), arg(1) + ":0", std::nullopt, false);
    data_.lists.erase(key(2));
    if (script == scripts::kForgetPurges) return "+OK\r\n";
    point = text(key(1));
  }
  auto& list = data_.lists[key(2)];
  if (script == scripts::kAddPurge) {
    auto now = *reuse::parse_point(point->value);
    ++now.sequence;
    point->value = reuse::point_text(now);
    list.push_back(arg(2));
    return bulk(point->value);
  }
  if (script != scripts::kReadPurges) return "-ERR no such script\r\n";
  std::string out = "*2\r\n" + bulk(point->value) + "*" + std::to_string(list.size()) + "\r\n";
  for (const auto& one : list) out += bulk(one);
  return out;
}

std::string ScriptedRedis::answer(const std::vector<std::string>& words) {
  if (instead) {
    if (auto said = instead(words)) return *said;
  }
  const std::string& verb = words[0];
  if (verb == "PING") return "+PONG\r\n";
  if (verb == "AUTH") return words.back() == password ? "+OK\r\n" : "-WRONGPASS invalid\r\n";
  if (verb == "SELECT") return "+OK\r\n";
  if (verb == "EVAL") return run_script(words);
  if (verb == "GET" || verb == "GETRANGE") {
    const auto* found = text(words[1]);
    if (found == nullptr) return verb == "GET" ? std::string(kNothing) : bulk("");
    return bulk(found->value.substr(0, verb == "GET" ? std::string::npos : std::stoul(words[3]) + 1));
  }
  if (verb == "SET") {
    std::optional<int64_t> ms;
    const bool only_new = std::ranges::find(words, "NX") != words.end();
    if (auto at = std::ranges::find(words, "PX"); at != words.end()) ms = std::stoll(*(at + 1));
    return set(words[1], words[2], ms, only_new) ? "+OK\r\n" : std::string(kNothing);
  }
  return "-ERR unknown command\r\n";
}

Task<void> ScriptedRedis::serve(std::unique_ptr<runtime::ByteStream> stream) {
  ++connections;
  std::string in;
  while (true) {
    const bool waits = still;
    co_await runtime::wait(loop_, {.read = waits ? nullptr : stream.get(),
                                   .gone = waits ? stream.get() : nullptr,
                                   .until = waits ? loop_.now() + std::chrono::milliseconds(1) : runtime::kNever});
    if (waits) {
      if (stream->gone()) co_return;
      continue;
    }
    char piece[4096];
    const auto got = stream->try_read(piece);
    if (got.status == IoStatus::kEof || got.status == IoStatus::kReset) co_return;
    if (got.status == IoStatus::kOk) in.append(piece, got.bytes);
    while (!still) {
      auto parsed = store::parse_resp(in, {.bytes_max = 64 * kMiB});
      if (parsed.state != store::RespParsed::State::kWhole) break;
      in.erase(0, parsed.bytes);
      std::vector<std::string> words;
      for (auto& one : parsed.value.items) words.push_back(std::move(one.text));
      commands.push_back(words.at(0));
      std::string reply = answer(words);
      for (size_t sent = 0; sent < reply.size();) {
        iovec part{reply.data() + sent, reply.size() - sent};
        const auto put = stream->try_write({&part, 1});
        if (put.status == IoStatus::kReset) co_return;
        sent += put.bytes;
        if (put.bytes == 0) co_await runtime::wait(loop_, {.write = stream.get(), .gone = stream.get()});
        if (stream->gone() && put.bytes == 0) co_return;
      }
    }
  }
}

}  // namespace baton::simulation
