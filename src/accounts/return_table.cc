#include "accounts/return_table.h"

#include <algorithm>
#include <bit>

namespace baton::accounts {

size_t ReturnTable::pooled(const Kind& kind) {
  const size_t uses = std::bit_width(std::max<uint32_t>(kind.uses, 1) - 1u);
  return (kind.lasting ? kUseClasses : 0) + std::min(uses, kUseClasses - 1);
}

void ReturnTable::Row::count(size_t life, bool returned) {
  for (size_t i = 0; i < std::min(life + (returned ? 1 : 0), kLives); ++i) ++there[i];
  if (returned && life < kLives) ++back[life];
  if (there[0] < kForget) return;
  for (float& number : there) number /= 2;
  for (float& number : back) number /= 2;
}

double ReturnTable::chance(const Kind& kind, size_t life) const {
  if (life >= kLives) return 0;
  const Row& all = all_[pooled(kind)];
  const Row& one = own_[own(kind)];
  const double usual = all.back[life] / (all.there[life] + kPooledSay);
  return (one.back[life] + kPooledSay * usual) / (one.there[life] + kPooledSay);
}

double ReturnTable::worth(const Kind& kind, size_t life, double saved, double cost) const {
  double later = 0;
  for (size_t i = kLives; i-- > life;) {
    const double back = chance(kind, i);
    later = std::max(0.0, back * saved - cost + (1 - back) * later);
  }
  return later;
}

}  // namespace baton::accounts
