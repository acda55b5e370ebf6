#include "relay/alike.h"

#include "reuse/forms.h"
#include "reuse/last_text.h"

namespace baton::relay {

using model::SimilarResult;

namespace {

constexpr size_t kComparedBytesMax = 512 * kKiB;  // of a reply with its events

similar::Name name_of(const reuse::Digest& digest) { return {digest.key, digest.identity}; }
reuse::Digest digest_of(const similar::Name& name) { return {name.key, name.identity}; }

// What a reply says; nothing when it says more than text.
std::optional<std::string> text_of(std::string_view content, bool events) {
  if (content.size() > kComparedBytesMax) return std::nullopt;
  reuse::JsonTree tree;
  if (!events) return reuse::text_of_message(content, tree);
  const auto message = reuse::message_of_events(content);
  return message ? reuse::text_of_message(*message, tree) : std::nullopt;
}

}  // namespace

std::optional<KeptAnswer> find_alike(const Parts& parts, Call& call, reuse::Digester& digester,
                                     const reuse::Rules& rules) {
  if (parts.similar == nullptr || !rules.similar || !rules.look || !call.keep_as) return std::nullopt;
  const auto policy =
      similar::policy_of(parts.similar->config(), call.facts.model, call.caller.name, call.outcome.team);
  if (policy.mode == similar::Mode::kOff) return std::nullopt;
  const auto body = plain_body(call);
  if (!body) return std::nullopt;
  reuse::JsonTree tree;
  const auto last = reuse::last_user_text(*body, tree);
  auto question = last ? parts.similar->read(last->text) : std::nullopt;
  const auto scope = question ? digest_body(call, digester, reuse::without(*body, *last)) : std::nullopt;
  if (!scope) {
    parts.metrics.similar_unfit();
    return std::nullopt;
  }
  const Instant now = parts.loop.now();
  auto alike = std::make_unique<Likeness>();
  alike->scope = name_of(*scope);
  alike->question = *question;
  alike->policy = policy;
  alike->found = parts.similar->look(alike->scope, alike->question, policy, parts.random.unit(), now);
  similar::Found& found = alike->found;
  if (found.result >= SimilarResult::kUnproved) {
    alike->other = find_fresh(parts, digest_of(found.answer));
    if (alike->other == nullptr) {
      parts.similar->forget(alike->scope, found.answer);
      found.result = SimilarResult::kGone;
    } else if (now - alike->other->since > rules.age_max) {
      alike->other = nullptr;
      found.result = SimilarResult::kGone;
    }
  }
  std::optional<KeptAnswer> answer;
  if (found.result == SimilarResult::kServed) answer = open_kept(parts, call, alike->other);
  if (found.result == SimilarResult::kServed && !answer) found.result = SimilarResult::kGone;
  parts.metrics.similar(found.result);
  if (found.guard) parts.metrics.similar_guarded(*found.guard);
  if (answer) call.outcome.cache = model::CacheUse::kSimilar;
  call.alike = std::move(alike);
  return answer;
}

void learn_alike(const Parts& parts, const Call& call, const reuse::Finished& reply, bool stored) {
  const Likeness& alike = *call.alike;
  if (stored) parts.similar->add(alike.scope, alike.question, name_of(*call.keep_as));
  if (alike.other == nullptr || !alike.found.teaches()) return;
  const auto own = text_of(reply.content, reply.events);
  const auto kept = reuse::content_as(*alike.other, alike.other->events);
  const auto other = kept ? text_of(*kept, alike.other->events) : std::nullopt;
  const auto same = own && other ? parts.similar->agree(*own, *other) : std::nullopt;
  parts.metrics.similar_compared(same);
  if (!same) return;
  if (parts.similar->learn(alike.scope, alike.found, *same, alike.policy.error_max, parts.loop.now()))
    parts.metrics.similar_tripped();
}

}  // namespace baton::relay
