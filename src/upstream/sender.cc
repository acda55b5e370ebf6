#include "upstream/sender.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "base/recycle.h"
#include "net/body_writer.h"
#include "runtime/wait.h"

namespace baton::upstream {

using runtime::IoStatus;
using runtime::Task;

namespace {

constexpr size_t kHeadsKept = 64;
thread_local std::vector<std::unique_ptr<http::ResponseHead>> heads;

std::unique_ptr<http::ResponseHead> take_head() {
  if (heads.empty()) return std::make_unique<http::ResponseHead>();
  auto head = std::move(heads.back());
  heads.pop_back();
  return head;
}

Error cancelled() { return {ErrorCode::kCancelled, Fault::kClient, Retry::kNever, "The client has gone."}; }
Error reset() {
  return {ErrorCode::kReset, Fault::kUpstream, Retry::kOtherAccount,
          "The upstream closed the connection before it answered."};
}
Error bad_reply(std::string why) {
  return {ErrorCode::kBadReply, Fault::kUpstream, Retry::kOtherAccount, std::move(why)};
}

// How far the answer's head has been read.
struct HeadProgress {
  size_t scanned = 0;
  int interim = 0;
};

// Takes interim answers off reply.raw. True when the final head is there, false when more must come.
Expected<bool> parse_head(const SendOptions& options, Reply& reply, HeadProgress& progress) {
  static constexpr http::HeadLimits kLimits{
      .total_bytes_max = 64 * 1024, .field_bytes_max = 32 * 1024, .fields_max = 200};
  while (!reply.raw.empty()) {
    http::HeadError error = http::HeadError::kNone;
    auto status = http::parse_response(reply.raw, progress.scanned, kLimits, options.to_head, *reply.head, error);
    if (status == http::ParseStatus::kNeedMore) return false;
    if (status == http::ParseStatus::kError)
      return std::unexpected(
          bad_reply("The upstream's answer is malformed: " + std::string(http::head_error_sentence(error))));
    if (reply.head->status >= 200) {
      progress.scanned = 0;
      return true;
    }
    if (reply.head->status == 101 || ++progress.interim > kInterimMax)
      return std::unexpected(bad_reply("The upstream sent interim answers without end."));
    reply.raw.erase(0, reply.head->bytes);
    progress.scanned = 0;
  }
  return false;
}

// One read onto reply.raw.
IoStatus read_more(runtime::Loop& loop, Reply& reply) {
  auto scratch = net::read_scratch();
  auto got = reply.connection->stream().try_read(scratch);
  if (got.status != IoStatus::kOk) return got.status;
  if (reply.raw.empty()) reply.arrived = loop.clock().now();
  reply.raw.append(scratch.data(), got.bytes);
  return IoStatus::kOk;
}

// Whether the upstream has answered, or ended, though the request is not all sent. That its stream can be read does not
// say so: an interim answer is none, and over TLS a stream wakes for what is no content too, such as session tickets.
Expected<bool> has_answered(runtime::Loop& loop, const SendOptions& options, Reply& reply, HeadProgress& progress) {
  if (!reply.connection->stream().can_read()) return false;
  auto status = read_more(loop, reply);
  if (status == IoStatus::kOk) return parse_head(options, reply, progress);
  return status != IoStatus::kBlocked;  // an end is found again by who waits for the head
}

// What writing a request needs besides its bytes.
struct Writing {
  runtime::Loop& loop;
  const SendOptions& options;
  runtime::Cancellation& cancel;
  Reply& reply;
  HeadProgress& progress;
  runtime::ByteStream& stream() const { return reply.connection->stream(); }
};

// The connection broke. An upstream that refuses a body may close without reading the rest of it; what it said stands.
Expected<bool> broken(const Writing& w) {
  auto answered = has_answered(w.loop, w.options, w.reply, w.progress);
  if (answered && !*answered) return std::unexpected(reset());
  return answered ? Expected<bool>(false) : answered;
}

// Waits until more of the request can be written: true, or false when the upstream answers before all is sent.
// `sender`: whose leaving ends the call, or null.
Task<Expected<bool>> wait_to_write(Writing w, runtime::ByteStream* sender) {
  while (true) {
    auto answered = has_answered(w.loop, w.options, w.reply, w.progress);
    if (!answered) co_return answered;
    if (*answered) co_return false;
    if (w.stream().can_write()) co_return true;
    auto ready = co_await runtime::wait(
        w.loop, {.read = &w.stream(),
                 .write = &w.stream(),
                 .gone = sender,
                 .cancel = &w.cancel,
                 .until = std::min(w.options.until, w.loop.now() + w.options.first_byte_timeout)});
    if (ready & (runtime::kCancelled | runtime::kPeerGone)) co_return std::unexpected(cancelled());
    if (ready & runtime::kTimedOut)
      co_return fail(ErrorCode::kTimeout, Fault::kUpstream, "The upstream did not take the request in time.",
                     Retry::kOtherAccount);
  }
}

// Writes a request whose body is there, straight from where it lies. False: the upstream answered before all was sent.
Task<Expected<bool>> write_whole(Writing w) {
  std::string_view head = w.options.head;
  std::string_view body = w.options.body;
  while (true) {
    const std::array<iovec, 2> parts{iovec{const_cast<char*>(head.data()), head.size()},
                                     iovec{const_cast<char*>(body.data()), body.size()}};
    auto wrote = w.stream().try_write(
        std::span<const iovec>(parts).subspan(head.empty() ? 1 : 0, (head.empty() ? 0 : 1) + (body.empty() ? 0 : 1)));
    if (wrote.status == IoStatus::kReset || wrote.status == IoStatus::kEof) co_return broken(w);
    const size_t of_head = std::min(wrote.bytes, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(wrote.bytes - of_head);
    if (head.empty() && body.empty()) co_return true;
    auto more = co_await wait_to_write(w, /*sender=*/nullptr);
    if (!more || !*more) co_return more;
  }
}

// Writes a request whose body comes in pieces; otherwise as above.
Task<Expected<bool>> write_pieces(Writing w) {
  net::BodyWriter writer(w.stream(), w.options.source_chunked ? http::Framing::kChunked : http::Framing::kUntilClose);
  if (!writer.write(w.options.head, {}, /*last=*/false)) co_return broken(w);
  bool more = true;
  while (more || writer.pending() > 0) {
    if (writer.pending() > 0) {
      auto waited = co_await wait_to_write(w, more ? w.options.source->sender() : nullptr);
      if (!waited || !*waited) co_return waited;
      if (!writer.flush()) co_return broken(w);
      continue;
    }
    auto answered = has_answered(w.loop, w.options, w.reply, w.progress);
    if (!answered) co_return answered;
    if (*answered) co_return false;
    auto piece = co_await w.options.source->next();
    if (!piece) co_return std::unexpected(piece.error());
    more = !piece->empty();
    if (!writer.write({}, *piece, /*last=*/!more)) co_return broken(w);
  }
  co_return true;
}

Task<Expected<void>> read_head(runtime::Loop& loop, const SendOptions& options, runtime::Cancellation& cancel,
                               Reply& reply, HeadProgress& progress) {
  runtime::ByteStream& stream = reply.connection->stream();
  const Instant deadline = std::min(options.until, loop.now() + options.first_byte_timeout);
  while (true) {
    auto whole = parse_head(options, reply, progress);
    if (!whole) co_return std::unexpected(whole.error());
    if (*whole) co_return Expected<void>{};
    if (!stream.can_read()) {
      auto ready = co_await runtime::wait(loop, {.read = &stream, .cancel = &cancel, .until = deadline});
      if (ready & runtime::kCancelled) co_return std::unexpected(cancelled());
      if (!(ready & runtime::kReadable))
        co_return fail(ErrorCode::kTimeout, Fault::kUpstream, "The upstream did not answer in time.",
                       Retry::kOtherAccount);
    }
    auto status = read_more(loop, reply);
    if (status == IoStatus::kOk || status == IoStatus::kBlocked) continue;
    if (!reply.raw.empty()) co_return std::unexpected(bad_reply("The upstream's answer broke off in its head."));
    co_return std::unexpected(reset());
  }
}

// How long the upstream keeps the connection when nothing is asked on it, where it says so ("timeout=5, max=100").
std::optional<Duration> stated_keep_alive(const http::ResponseHead& head) {
  const auto* field = head.find("keep-alive");
  if (field == nullptr) return std::nullopt;
  const size_t at = field->value.find("timeout=");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view digits = field->value.substr(at + 8);
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  const auto stated = digits.size() < 8 ? ascii::decimal(digits) : std::nullopt;
  if (!stated) return std::nullopt;
  return std::chrono::seconds(*stated);
}

}  // namespace

Reply::~Reply() {
  if (head && heads.size() < kHeadsKept) heads.push_back(std::move(head));
  give_string(raw);
}

void Reply::release_head() {
  if (head && heads.size() < kHeadsKept) heads.push_back(std::move(head));
  head.reset();
  early = {};
  give_string(raw);
}

void Reply::finish(ConnectionPool& pool, bool ended_cleanly) {
  if (!connection) return;
  if (ended_cleanly && whole_request_sent && body.surplus().empty() && keep_alive) {
    pool.give_back(std::move(connection));
  } else {
    connection.reset();
  }
}

Task<Expected<Reply>> send(runtime::Loop& loop, ConnectionPool& pool, const SendOptions& options,
                           runtime::Cancellation& cancel) {
  auto connection = co_await pool.acquire(cancel, options.fresh);
  if (!connection) co_return std::unexpected(connection.error());
  Reply reply;
  reply.connection = std::move(*connection);
  reply.reused_connection = reply.connection->reused();
  reply.head = take_head();
  reply.raw = take_string();
  HeadProgress progress;
  const Writing writing{loop, options, cancel, reply, progress};
  auto written = options.source == nullptr ? co_await write_whole(writing) : co_await write_pieces(writing);
  std::optional<Error> failure;
  if (!written) {
    failure = written.error();
  } else {
    reply.whole_request_sent = *written;
    reply.sent = loop.clock().now();
    auto got = co_await read_head(loop, options, cancel, reply, progress);
    if (!got) failure = got.error();
  }
  if (failure) {
    const bool stale = failure->code == ErrorCode::kReset && reply.reused_connection && options.source == nullptr;
    if (stale) failure->retry = Retry::kSameAccount;
    if (stale && !written) failure->code = ErrorCode::kConnect;  // half a request is processed by nobody
    co_return std::unexpected(*failure);
  }
  reply.body = net::BodyReader(reply.head->framing, reply.head->content_length);
  auto early = reply.body.decode({reply.raw.data() + reply.head->bytes, reply.raw.size() - reply.head->bytes});
  if (early.status == net::BodyReader::Status::kMalformed)
    co_return std::unexpected(bad_reply("The upstream's chunked body is malformed."));
  reply.early = early.data;
  reply.keep_alive = reply.head->keep_alive;
  if (auto stated = stated_keep_alive(*reply.head)) reply.connection->keep_idle_for(*stated);
  reply.ended = reply.body.done();
  co_return reply;
}

}  // namespace baton::upstream
