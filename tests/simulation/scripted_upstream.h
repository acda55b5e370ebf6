// ScriptedUpstreams: upstreams that say exactly the bytes they are told, at the time they are told, and remember what
// they were asked and how they were left. For what the simulator cannot do: broken framing, lost bytes, silence at a
// place of one's choice. Life: a member of a World. Thread: its loop. Bounds: the test's.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/loop.h"
#include "runtime/task.h"
#include "tests/simulation/memory_net.h"

namespace baton::simulation {

struct Act {
  enum class What : uint8_t {
    kSend,
    kEnd,  // nothing more is sent (a FIN)
    kReset,
    kStall,  // nothing more happens until the relay leaves
  };
  Duration after{0};  // since the act before, or the request
  What what = What::kSend;
  std::string bytes = {};
};

struct Reply {
  std::vector<Act> acts;
  bool before_body = false;  // as soon as the head has come; the body is never read

  static Reply bytes(std::string all) { return {{{.bytes = std::move(all)}}}; }
  // `fields` are whole lines.
  static Reply json(int status, std::string_view body, std::string_view fields = "");
  // The head of an event stream, then each piece in a chunk of its own, `gap` apart, then the end.
  static Reply stream(const std::vector<std::string>& pieces, Duration gap = {}, std::string_view fields = "");
  // Only the first `bytes` of what it says, then this.
  Reply cut(size_t bytes, Act::What then) const;
  std::string all() const;
};

std::string chunk(std::string_view content);
std::string event(std::string_view name, std::string_view data);
inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_scripted\r\ntransfer-encoding: "
    "chunked\r\n\r\n";
// The events of a short Message: message_start, ping, content_block_start, two deltas, content_block_stop,
// message_delta, message_stop.
std::vector<std::string> short_message(std::string_view text = "Hello", int64_t input_tokens = 12,
                                       int64_t output_tokens = 3);

struct Asked {
  size_t account = 0;
  size_t connection = 0;  // counted over all accounts
  Instant at{};
  std::string head;
  std::string body;  // content
  bool whole = false;
};

struct Left {
  size_t account = 0;
  Instant at{};
  size_t sent = 0;  // bytes of the reply that had been written
};

class ScriptedUpstreams {
 public:
  explicit ScriptedUpstreams(runtime::Loop& loop) : loop_(loop) {}

  // The next answer of this account. When none is left the one of always() is given, else the connection is reset.
  void next(size_t account, Reply reply) { replies_[account].push_back(std::move(reply)); }
  void always(size_t account, Reply reply) { always_[account] = std::move(reply); }
  void adopt(std::unique_ptr<runtime::ByteStream> stream, size_t account) {
    tasks_.spawn(serve(std::move(stream), account));
  }
  bool settled() const { return tasks_.size() == 0; }
  size_t playing() const { return playing_; }  // replies under way

  std::vector<Asked> asked;
  std::vector<Left> left;   // the relay ended the connection before the reply was over
  std::string after_reply;  // sent behind every reply, a moment later
  Duration after_reply_pause{0};

 private:
  runtime::Task<void> serve(std::unique_ptr<runtime::ByteStream> stream, size_t account);
  runtime::Task<bool> read_request(runtime::ByteStream& stream, std::string& buffer, size_t at);
  runtime::Task<bool> play(runtime::ByteStream& stream, const Reply& reply, size_t account);
  runtime::Task<bool> send(runtime::ByteStream& stream, std::string_view bytes, size_t& sent);

  runtime::Loop& loop_;
  std::map<size_t, std::deque<Reply>> replies_;
  std::map<size_t, Reply> always_;
  size_t connections_ = 0;
  size_t playing_ = 0;
  runtime::TaskGroup tasks_;
};

}  // namespace baton::simulation
