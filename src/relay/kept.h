// Kept replies in the walk: a call that may be answered from what is kept is, and a good answer to one that may be is
// kept. Bounds: what is recorded of a stream is at most ReplyStore::content_bytes_max() and charged to the replies'
// budget; beyond either the answer goes on its way and is not kept.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "relay/answer.h"
#include "relay/call.h"
#include "relay/parts.h"
#include "reuse/digest.h"
#include "reuse/reply_store.h"
#include "stream/pump.h"

namespace baton::relay {

struct KeptAnswer {
  std::shared_ptr<const reuse::KeptReply> reply;
  std::string content;  // in the form the call wants
  BudgetShare share;
  bool refresh = false;  // it is stale and to be asked for anew
};

// The kept answer to this call, if there is one and it may be used. Notes in the outcome what was found, and in the
// call under what its answer is to be kept. kBadRequest: the call says in a way that cannot be understood whether it
// may be reused.
// Where only another relay can have one, `call.asked` says what is to be asked.
Expected<std::optional<KeptAnswer>> find_kept(const Parts& parts, Call& call, reuse::Digester* digester);

// The rest of it: asks what the relays share; then, as without them, for the next best.
runtime::Task<std::optional<KeptAnswer>> find_shared(const Parts& parts, Call& call, reuse::Digester& digester);

// Sends it. Success also when the client has gone: that is in the outcome.
runtime::Task<Expected<void>> deliver_kept(const Parts& parts, Call& call, KeptAnswer answer);

// Notes that the answer to this call was made for another one, which used so much.
void book_reused(const Parts& parts, Call& call, const model::Usage& usage);

// Whether the call has a stale reply that stands in for this error.
bool stands_in(const Call& call, const Error& error);
// Sends it. Where it cannot be opened the error stays.
runtime::Task<Expected<void>> deliver_spare(const Parts& parts, Call& call, Error error);
// The same in place of an upstream's answer with an error's status; false: there is none, or it cannot be opened.
runtime::Task<bool> deliver_spare_for(const Parts& parts, Call& call, Answer& failed);

// The body without its coding; nothing when it has none that can be read.
std::optional<std::string> plain_body(const Call& call);
// The digest of this call with another body.
std::optional<reuse::Digest> digest_body(const Call& call, reuse::Digester& digester, std::string_view body);
// What is kept under it and within its time, or null; what had expired is booked.
std::shared_ptr<const reuse::KeptReply> find_fresh(const Parts& parts, const reuse::Digest& digest);
// It as the call's answer; nothing where it has no such form or there is no room for it.
std::optional<KeptAnswer> open_kept(const Parts& parts, const Call& call,
                                    std::shared_ptr<const reuse::KeptReply> reply);

// Puts what another relay has kept into memory, unless something was purged since the call came.
void adopt(const Parts& parts, const Call& call, std::shared_ptr<const reuse::KeptReply> reply);
// Whether it is young enough for the caller, who has asked for what others have kept.
bool fits(const Parts& parts, const Call& call, const reuse::KeptReply& reply);

// The lines that say what the cache did and under which key; nothing when it was not asked.
void append_cache_fields(std::string& fields, const Call& call);

// Recording: a stream's bytes while they pass, if they are to be kept.
class Recording final : public stream::Tee {
 public:
  Recording(const Parts& parts, const Call& call, const Answer& answer);
  void take(std::string_view bytes) override;
  // The tee for the pump, or nullptr when there is nothing to record.
  stream::Tee* tee() { return on_ ? this : nullptr; }
  // The reply has come to its end, whole.
  void keep(const Call& call, const stream::ReplyFacts& facts, std::string_view upstream_request_id);

 private:
  const Parts& parts_;
  bool on_;
  std::string bytes_;
  BudgetShare share_;
};

// Keeps a whole Message, if it is one and may be.
void keep_message(const Parts& parts, const Call& call, const Answer& answer);

}  // namespace baton::relay
