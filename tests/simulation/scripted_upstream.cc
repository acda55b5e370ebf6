#include "tests/simulation/scripted_upstream.h"

#include <algorithm>

#include "http/http1.h"
#include "net/body_reader.h"
#include "runtime/wait.h"

namespace baton::simulation {

using runtime::IoStatus;
using runtime::Task;

std::string chunk(std::string_view content) {
  char length[20];
  std::snprintf(length, sizeof length, "%zx\r\n", content.size());
  return length + std::string(content) + "\r\n";
}

std::string event(std::string_view name, std::string_view data) {
  return "event: " + std::string(name) + "\ndata: " + std::string(data) + "\n\n";
}

std::vector<std::string> short_message(std::string_view text, int64_t input_tokens, int64_t output_tokens) {
  const std::string half(text.substr(0, text.size() / 2));
  const std::string rest(text.substr(text.size() / 2));
  auto delta = [](const std::string& words) {
    return event("content_block_delta",
                 R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" + words + "\"}}");
  };
  return {
      event("message_start",
            R"({"type":"message_start","message":{"id":"msg_1","model":"claude-sonnet-5-5","usage":{"input_tokens":)" +
                std::to_string(input_tokens) + R"(,"output_tokens":1}}})"),
      event("ping", R"({"type": "ping"})"),
      event("content_block_start",
            R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"),
      delta(half),
      delta(rest),
      event("content_block_stop", R"({"type":"content_block_stop","index":0})"),
      event("message_delta", R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":)" +
                                 std::to_string(output_tokens) + "}}"),
      event("message_stop", R"({"type":"message_stop"})"),
  };
}

Reply Reply::json(int status, std::string_view body, std::string_view fields) {
  return bytes("HTTP/1.1 " + std::to_string(status) +
               " Some Reason\r\ncontent-type: application/json\r\nrequest-id: req_scripted\r\n" + std::string(fields) +
               "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

Reply Reply::stream(const std::vector<std::string>& pieces, Duration gap, std::string_view fields) {
  Reply reply;
  std::string head(kStreamHead);
  head.insert(head.size() - 2, fields);
  reply.acts.push_back({.bytes = head});
  for (const std::string& piece : pieces) reply.acts.push_back({.after = gap, .bytes = chunk(piece)});
  reply.acts.push_back({.bytes = "0\r\n\r\n"});
  return reply;
}

Reply Reply::cut(size_t bytes_max, Act::What then) const {
  Reply shorter{.acts = {}, .before_body = before_body};
  size_t left = bytes_max;
  for (const Act& act : acts) {
    if (left == 0 || act.what != Act::What::kSend) break;
    shorter.acts.push_back({act.after, act.what, act.bytes.substr(0, left)});
    left -= std::min(left, act.bytes.size());
  }
  shorter.acts.push_back({.what = then});
  return shorter;
}

std::string Reply::all() const {
  std::string out;
  for (const Act& act : acts) out += act.bytes;
  return out;
}

// False: the relay has gone.
Task<bool> ScriptedUpstreams::send(runtime::ByteStream& stream, std::string_view bytes, size_t& sent) {
  while (!bytes.empty()) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    auto wrote = stream.can_write() ? stream.try_write(std::span<const iovec>(&part, 1))
                                    : runtime::IoResult{IoStatus::kBlocked, 0};
    if (wrote.status == IoStatus::kReset) co_return false;
    bytes.remove_prefix(wrote.bytes);
    sent += wrote.bytes;
    if (!bytes.empty()) co_await runtime::wait(loop_, {.write = &stream, .gone = &stream});
    if (stream.gone()) co_return false;
  }
  co_return true;
}

Task<bool> ScriptedUpstreams::play(runtime::ByteStream& stream, const Reply& reply, size_t account) {
  size_t sent = 0;
  for (const Act& act : reply.acts) {
    if (act.after.count() > 0) co_await runtime::wait(loop_, {.gone = &stream, .until = loop_.now() + act.after});
    bool here = !stream.gone();
    if (here && act.what == Act::What::kSend) here = co_await send(stream, act.bytes, sent);
    if (!here) {
      left.push_back({account, loop_.now(), sent});
      co_return false;
    }
    switch (act.what) {
      case Act::What::kSend: break;
      case Act::What::kReset: stream.close(true); co_return false;
      case Act::What::kEnd:
        stream.shut_write();
        co_await runtime::wait(loop_, {.gone = &stream});
        co_return false;
      case Act::What::kStall:
        co_await runtime::wait(loop_, {.gone = &stream});
        left.push_back({account, loop_.now(), sent});
        co_return false;
    }
  }
  co_return true;
}

Task<bool> ScriptedUpstreams::read_request(runtime::ByteStream& stream, std::string& buffer, size_t at) {
  size_t scanned = 0;
  http::RequestHead head;
  http::HeadError error;
  char bytes[16 * 1024];
  while (true) {
    auto status = buffer.empty() ? http::ParseStatus::kNeedMore : http::parse_request(buffer, scanned, {}, head, error);
    if (status == http::ParseStatus::kDone) break;
    if (status == http::ParseStatus::kError) {
      asked[at].head = "malformed: " + buffer;
      co_return false;
    }
    if (!stream.can_read()) co_await runtime::wait(loop_, {.read = &stream});
    auto got = stream.try_read(bytes);
    if (got.status == IoStatus::kBlocked) continue;
    if (got.status != IoStatus::kOk) co_return false;
    buffer.append(bytes, got.bytes);
  }
  asked[at].at = loop_.now();
  asked[at].head = buffer.substr(0, head.bytes);
  std::string rest = buffer.substr(head.bytes);
  buffer.clear();
  net::BodyReader body(head.framing, head.content_length);
  const size_t account = asked[at].account;
  if (!replies_[account].empty() && replies_[account].front().before_body) co_return true;
  asked[at].body.append(body.decode({rest.data(), rest.size()}).data);
  while (!body.done()) {
    if (!stream.can_read()) co_await runtime::wait(loop_, {.read = &stream});
    auto got = body.try_read(stream, bytes);
    if (got.status == net::BodyReader::Status::kBlocked) continue;
    if (got.status != net::BodyReader::Status::kMore && got.status != net::BodyReader::Status::kEnd) co_return false;
    asked[at].body.append(got.data);
  }
  asked[at].whole = true;
  co_return true;
}

Task<void> ScriptedUpstreams::serve(std::unique_ptr<runtime::ByteStream> stream, size_t account) {
  const size_t connection = connections_++;
  std::string buffer;
  size_t ignored = 0;
  while (true) {
    // A place is taken when something comes, so that requests stand in the order of their first byte.
    char bytes[4096];
    if (!stream->can_read()) co_await runtime::wait(loop_, {.read = stream.get()});
    auto got = stream->try_read(bytes);
    if (got.status == IoStatus::kBlocked) continue;
    if (got.status != IoStatus::kOk) co_return;
    buffer.assign(bytes, got.bytes);
    asked.push_back({.account = account, .connection = connection});
    const bool whole = co_await read_request(*stream, buffer, asked.size() - 1);
    if (!whole) co_return;
    Reply reply;
    if (auto& queue = replies_[account]; !queue.empty()) {
      reply = std::move(queue.front());
      queue.pop_front();
    } else if (auto standing = always_.find(account); standing != always_.end()) {
      reply = standing->second;
    } else {
      reply.acts.push_back({.what = Act::What::kReset});
    }
    ++playing_;
    const bool played = co_await play(*stream, reply, account);
    --playing_;
    if (!played) co_return;
    if (!after_reply.empty()) {
      if (after_reply_pause.count() > 0)
        co_await runtime::wait(loop_, {.gone = stream.get(), .until = loop_.now() + after_reply_pause});
      if (!co_await send(*stream, after_reply, ignored)) co_return;
    }
  }
}

}  // namespace baton::simulation
