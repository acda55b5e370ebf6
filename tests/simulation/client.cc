#include "tests/simulation/client.h"

#include <algorithm>

#include "http/http1.h"
#include "http/sse.h"
#include "net/body_reader.h"
#include "net/body_writer.h"
#include "runtime/wait.h"

namespace baton::simulation {

using runtime::IoStatus;
using runtime::Task;

std::string Seen::field(std::string_view name) const {
  std::string wanted = "\r\n" + std::string(name) + ": ";
  size_t at = head.find(wanted);
  if (at == std::string::npos) return {};
  at += wanted.size();
  return head.substr(at, head.find("\r\n", at) - at);
}

Duration Seen::arrival(size_t offset) const {
  for (const Mark& mark : marks) {
    if (mark.body_bytes > offset) return mark.at;
  }
  return Duration::max();
}

namespace {

struct Rendered {
  std::string head;
  std::string body;  // framed
};

Rendered render(const Script& script) {
  if (script.raw) return {*script.raw, {}};
  std::string head = script.method + " " + script.path + " HTTP/1.1\r\n";
  if (script.default_fields) head += "host: localhost\r\n";
  head += script.fields;
  if (!script.body.empty() || script.method == "POST") {
    if (script.default_fields) {
      if (script.fields.find("content-type:") == std::string::npos) head += "content-type: application/json\r\n";
      head += "anthropic-version: 2023-06-01\r\nx-api-key: any\r\n";
    }
    if (script.expect_continue) head += "expect: 100-continue\r\n";
    head += script.chunked ? "transfer-encoding: chunked\r\n"
                           : "content-length: " + std::to_string(script.body.size()) + "\r\n";
  }
  head += "\r\n";
  if (!script.chunked) return {head, script.body};
  std::string framed;
  const size_t piece = std::max<size_t>(1, script.body.size() / 3);
  for (size_t at = 0; at < script.body.size(); at += piece) {
    const std::string_view part = std::string_view(script.body).substr(at, piece);
    char length[20];
    std::snprintf(length, sizeof length, "%zx\r\n", part.size());
    framed.append(length).append(part).append("\r\n");
  }
  return {head, framed + "0\r\n\r\n"};
}

// One exchange on the connection.
class Exchange {
 public:
  Exchange(runtime::Loop& loop, runtime::ByteStream& stream, const Script& script, Seen& seen, Instant began)
      : loop_(loop), stream_(stream), script_(script), seen_(seen), began_(began) {}

  // Gives whether the connection can be used again.
  Task<bool> run(const Rendered& request, bool to_head) {
    to_head_ = to_head;
    out_ = request.head;
    if (script_.expect_continue) {
      kept_back_ = request.body;
    } else {
      out_ += request.body;
    }
    if (script_.leave_after_sent)
      out_.resize(std::min<size_t>(out_.size(), static_cast<size_t>(*script_.leave_after_sent)));
    const Instant leave = script_.leave_after ? began_ + *script_.leave_after : runtime::kNever;
    Instant next_send = loop_.now();
    Instant next_read = loop_.now();
    bool shut = false;
    while (true) {
      if (sent_ == out_.size() && script_.leave_after_sent && seen_.sent >= *script_.leave_after_sent) {
        seen_.left = true;
        co_return false;
      }
      if (sent_ == out_.size() && kept_back_.empty() && script_.shut_after_request && !shut) {
        shut = true;
        stream_.shut_write();
      }
      const bool stopped = script_.stop_reading_after && seen_.received >= *script_.stop_reading_after;
      const bool may_send = sent_ < out_.size() && !broken_ && loop_.now() >= next_send;
      const bool may_read = !stopped && loop_.now() >= next_read;
      Instant until = leave;
      if (sent_ < out_.size() && !broken_ && !may_send) until = std::min(until, next_send);
      if (!stopped && !may_read) until = std::min(until, next_read);
      // Who reads no more can only notice that the relay has gone.
      auto ready = co_await runtime::wait(loop_, {.read = may_read ? &stream_ : nullptr,
                                                  .write = may_send ? &stream_ : nullptr,
                                                  .gone = stopped ? &stream_ : nullptr,
                                                  .until = until});
      if (loop_.now() >= leave) {
        seen_.left = true;
        co_return false;
      }
      if (ready & runtime::kPeerGone) {
        seen_.reset = true;
        co_return false;
      }
      if (ready & runtime::kWritable) {
        send();
        next_send = loop_.now() + script_.send_pause;
      }
      if (!(ready & runtime::kReadable)) continue;
      if (!read()) co_return false;
      if (seen_.complete) co_return reader_.surplus().empty() && sent_ == out_.size() && kept_back_.empty();
      if (script_.leave_after_bytes && seen_.received >= *script_.leave_after_bytes) {
        seen_.left = true;
        co_return false;
      }
      next_read = loop_.now() + script_.read_pause;
    }
  }

 private:
  void send() {
    size_t most = out_.size() - sent_;
    if (script_.send_piece_bytes > 0) most = std::min(most, script_.send_piece_bytes);
    iovec part{out_.data() + sent_, most};
    auto wrote = stream_.try_write(std::span<const iovec>(&part, 1));
    if (wrote.status == IoStatus::kReset) broken_ = true;
    sent_ += wrote.bytes;
    seen_.sent += wrote.bytes;
  }

  bool read() {
    char bytes[64 * 1024];
    size_t most = std::clamp<size_t>(script_.read_bytes, 1, sizeof bytes);
    for (auto bound : {script_.leave_after_bytes, script_.stop_reading_after}) {
      if (bound && *bound > seen_.received) most = std::min<size_t>(most, static_cast<size_t>(*bound - seen_.received));
    }
    auto got = stream_.try_read(std::span<char>(bytes, most));
    if (got.status == IoStatus::kBlocked) return true;
    if (got.status == IoStatus::kReset) {
      seen_.reset = true;
      return false;
    }
    if (got.status == IoStatus::kEof) {
      seen_.complete = have_head_ && head_.framing == http::Framing::kUntilClose;
      return false;
    }
    if (seen_.received == 0) seen_.first_byte = loop_.now() - began_;
    seen_.received += got.bytes;
    if (have_head_) return take(reader_.decode({bytes, got.bytes}));
    raw_.append(bytes, got.bytes);
    return read_head();
  }

  bool read_head() {
    while (true) {
      http::HeadError error;
      auto status = http::parse_response(raw_, scanned_, {}, to_head_, head_, error);
      if (status == http::ParseStatus::kNeedMore) return true;
      if (status == http::ParseStatus::kError) {
        seen_.malformed = true;
        return false;
      }
      if (head_.status != 100) break;
      seen_.continued = true;
      raw_.erase(0, head_.bytes);
      scanned_ = 0;
      out_ += std::exchange(kept_back_, {});
    }
    have_head_ = true;
    if (!seen_.continued) kept_back_.clear();  // refused: the body is not sent
    seen_.status = head_.status;
    seen_.head = raw_.substr(0, head_.bytes);
    reader_ = net::BodyReader(head_.framing, head_.content_length);
    std::string rest = raw_.substr(head_.bytes);
    return take(reader_.decode({rest.data(), rest.size()}));
  }

  bool take(net::BodyReader::Result result) {
    if (result.status == net::BodyReader::Status::kMalformed) {
      seen_.malformed = true;
      return false;
    }
    seen_.body.append(result.data);
    if (!result.data.empty()) seen_.marks.push_back({loop_.now() - began_, seen_.body.size()});
    if (reader_.done()) {
      seen_.complete = true;
      if (!reader_.surplus().empty()) seen_.malformed = true;  // nobody asked for it
    }
    return true;
  }

  runtime::Loop& loop_;
  runtime::ByteStream& stream_;
  const Script& script_;
  Seen& seen_;
  Instant began_;
  std::string out_;
  std::string kept_back_;
  size_t sent_ = 0;
  bool broken_ = false;
  bool to_head_ = false;
  std::string raw_;
  size_t scanned_ = 0;
  bool have_head_ = false;
  http::ResponseHead head_;
  net::BodyReader reader_;
};

Task<void> one_exchange(runtime::Loop& loop, runtime::ByteStream& stream, const Script& script, const Rendered& request,
                        bool to_head, Seen& seen, bool& again) {
  const Instant began = loop.now();
  Exchange exchange(loop, stream, script, seen, began);
  again = co_await exchange.run(request, to_head);
  seen.total = loop.now() - began;
  http::SseScanner scanner;
  scanner.feed(seen.body, [&](const http::SseEvent& event) { seen.events.emplace_back(event.name); });
}

}  // namespace

Task<void> run_client(runtime::Loop& loop, std::unique_ptr<runtime::ByteStream> stream, const Script& script,
                      Seen& seen) {
  bool again = false;
  {
    const Rendered request = render(script);
    co_await one_exchange(loop, *stream, script, request, script.method == "HEAD", seen, again);
  }
  while (again && script.then) {
    Script next;
    next.raw = script.then(seen.then.empty() ? seen : seen.then.back());
    if (!next.raw) break;
    if (script.then_pause.count() > 0) co_await runtime::sleep_until(loop, loop.now() + script.then_pause);
    const Rendered request = render(next);
    Seen following;
    co_await one_exchange(loop, *stream, next, request, next.raw->starts_with("HEAD "), following, again);
    seen.then.push_back(std::move(following));
  }
  stream->close(seen.left && script.leave_by_reset);
}

}  // namespace baton::simulation
