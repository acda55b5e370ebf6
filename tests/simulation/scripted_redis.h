// ScriptedRedis: as much of a Redis as Baton speaks to, on virtual time: texts with times to live, and Baton's scripts,
// which it knows by their words. It can stand still, leave, refuse and talk nonsense. Life: outlives the worlds that
// dial it. Thread: its loop's. Bounds: the test's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/loop.h"
#include "runtime/task.h"
#include "tests/simulation/memory_net.h"

namespace baton::simulation {

// What lies there; several servers, one after the other, may hold the same.
struct RedisData {
  struct Text {
    std::string value;
    std::optional<Instant> until;
  };
  std::map<std::string, Text> texts;
  std::map<std::string, std::vector<std::string>> lists;
};

class ScriptedRedis {
 public:
  ScriptedRedis(runtime::Loop& loop, RedisData& data) : loop_(loop), data_(data) {}
  void adopt(std::unique_ptr<runtime::ByteStream> stream) { tasks_.spawn(serve(std::move(stream))); }
  bool settled() const { return tasks_.size() == 0; }

  bool still = false;         // reads nothing and says nothing
  std::string password = {};  // that AUTH must give
  std::function<std::optional<std::string>(const std::vector<std::string>&)> instead = {};  // answers a command, raw
  std::vector<std::string> commands = {};  // the first words of all that came
  size_t connections = 0;

  // A lease that another relay holds.
  std::string* lease();

 private:
  runtime::Task<void> serve(std::unique_ptr<runtime::ByteStream> stream);
  std::string answer(const std::vector<std::string>& words);
  std::string run_script(const std::vector<std::string>& words);
  RedisData::Text* text(const std::string& name);
  bool set(const std::string& name, std::string value, std::optional<int64_t> ms, bool only_new);

  runtime::Loop& loop_;
  RedisData& data_;
  runtime::TaskGroup tasks_;
};

}  // namespace baton::simulation
