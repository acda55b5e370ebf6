// ReturnTable: how soon prompts come back, learnt from when they did: for prompts of one kind (whose, how often they
// came before, for how long their entry in a prompt cache lives) the chance that one which has not come back in its
// first k lives comes back in the next. A kind that was seldom seen counts as much as ten prompts of all callers' say.
// Life: a member of PromptWarmth. Thread: one at a time. Bounds: some 160 KB; callers that hash to one row share it.
// Source: discrete-time survival tables; the rule for another life from measurements on public traces, where pings
// without such a rule cost more than they saved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace baton::accounts {

class ReturnTable {
 public:
  static constexpr size_t kLives = 4;

  struct Kind {
    uint64_t tenant = 0;
    uint32_t uses = 1;     // of this prompt and those that it grew out of
    bool lasting = false;  // its entries live for the longer time
  };
  ReturnTable() : own_(kTenants * kPooled), all_(kPooled) {}

  // It came back in its life of this number; 0 is the one that it had anyway.
  void came_back(const Kind& kind, size_t life) { count(kind, life, true); }
  // It did not in its first so many lives.
  void stayed_away(const Kind& kind, size_t lives) { count(kind, lives, false); }

  // That it comes back in this life when it has not before.
  double chance(const Kind& kind, size_t life) const;
  // What the best plan from this life on is worth, where each life costs `cost` and coming back saves `saved`; 0: to
  // let it go.
  double worth(const Kind& kind, size_t life, double saved, double cost) const;

 private:
  static constexpr size_t kTenants = 256;
  static constexpr size_t kUseClasses = 5;  // 1, 2, 3 to 4, 5 to 8, more
  static constexpr size_t kPooled = 2 * kUseClasses;
  static constexpr float kForget = 2048;  // of a row with so many prompts half is forgotten, so that it follows changes
  static constexpr float kPooledSay = 10;
  struct Row {
    std::array<float, kLives> there{}, back{};  // at the beginning of a life, and came back in it
    void count(size_t life, bool returned);
  };
  static size_t pooled(const Kind& kind);
  static size_t own(const Kind& kind) { return kind.tenant % kTenants * kPooled + pooled(kind); }
  void count(const Kind& kind, size_t life, bool returned) {
    own_[own(kind)].count(life, returned);
    all_[pooled(kind)].count(life, returned);
  }

  std::vector<Row> own_, all_;
};

}  // namespace baton::accounts
