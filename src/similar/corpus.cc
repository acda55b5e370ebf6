#include "similar/corpus.h"

#include <span>
#include <string_view>

namespace baton::similar {

namespace {

// Frames of one kind, with a bar between them; {} is the filling.
constexpr std::string_view kEnglishKinds[] = {
    "how do i {}|how can i {}|how to {}|how do you {}|what is the best way to {}|could you tell me how to {}|please "
    "explain "
    "how to {}|can you tell me how i can {}|i would like to know how to {}|what should i do to {}|what are the steps "
    "to {}|"
    "how would i go about it if i want to {}|is there a way to {}|what do i need to do in order to {}|hi, how do i {}|"
    "how does one {}|show me how to {}|please help me to {}|what is the easiest way to {}",
    "why should i {}|what is the reason to {}|why would anyone {}|for what reason do people {}|what is the point if "
    "you {}|"
    "could you tell me why people {}|why do people {}|i wonder why people {}|please tell me why people {}",
    "when should i {}|what is the best time to {}|at what time do people {}|when is it time to {}|when do people {}|"
    "could you tell me when to {}|do you know when i should {}",
    "where can i {}|where do i {}|where to {}|what is a good place to {}|which place is best to {}|could you tell me "
    "where to {}|"
    "do you know where i can {}|in which place can i {}",
    "can i {}|is it possible to {}|am i able to {}|may i {}|could i {}|is there any chance to {}|would it be possible "
    "to {}|"
    "am i allowed to {}",
    "how much does it cost to {}|what is the price to {}|what does it cost to {}|how expensive is it to {}|how much do "
    "i pay "
    "to {}|how much money do i need to {}",
    "how long does it take to {}|how much time do i need to {}|what time does it take to {}|how many hours do i need "
    "to {}",
};
constexpr std::string_view kEnglishVerbs[] = {
    "reset",   "cancel", "update",    "delete",  "transfer", "renew",   "clean",   "repair",  "replace",
    "install", "export", "import",    "rename",  "order",    "return",  "track",   "upgrade", "restore",
    "print",   "share",  "translate", "compare", "charge",   "rent",    "sell",    "insure",  "ship",
    "paint",   "build",  "design",    "test",    "deploy",   "monitor", "archive", "publish", "schedule"};
constexpr std::string_view kEnglishThings[] = {
    "my password",        "the invoice",       "a passport",      "my subscription",  "the router",
    "an old laptop",      "the database",      "my account",      "a rental car",     "the kitchen sink",
    "a contract",         "my phone number",   "the printer",     "a wooden table",   "the spreadsheet",
    "my driving licence", "a savings account", "the garden hose", "an email address", "my bicycle",
    "the dishwasher",     "a parcel",          "the source code", "my photo album",   "a hotel room",
    "the air filter",     "a birthday cake",   "my tax return",   "the battery",      "an insurance policy",
    "a web server",       "the backup",        "my resume",       "a piano",          "the window frame",
    "a train ticket"};
constexpr std::string_view kChineseKinds[] = {
    "怎么{}|如何{}|怎样{}|请问怎么{}|怎么才能{}|请问如何{}|想知道怎么{}|我想{}怎么办|{}的方法是什么|{}的步骤有哪些|"
    "谁知道怎么{}|"
    "怎么{}呢|请教一下怎么{}|要{}该怎么做|能告诉我怎么{}吗|怎么样{}|有什么办法{}|教我怎么{}|怎么样才能{}|大家知道怎么{}"
    "吗|谁能告诉我怎么{}|请教怎么{}啊|{}怎么弄|{}应该怎么操作",
    "为什么要{}|为何要{}|为啥要{}|{}的原因是什么|请问为什么要{}|怎么会要{}|{}有什么理由",
    "什么时候{}|何时{}|{}是什么时候|啥时候{}|请问什么时间{}|几点可以{}",
    "哪里可以{}|在哪{}|在哪里{}|哪儿能{}|什么地方可以{}|请问哪里{}|去哪里{}",
    "可以{}吗|能不能{}|能{}吗|可不可以{}|是否可以{}|请问能{}吗|能否{}",
    "{}要多少钱|{}多少钱|{}的费用是多少|{}需要花多少钱|{}贵吗|请问{}什么价格",
    "{}要多久|{}需要多长时间|{}多久可以完成|多长时间能{}|请问{}要几天",
};
constexpr std::string_view kChineseVerbs[] = {"重置", "取消", "更新", "删除", "转让", "办理", "清洗", "修理",
                                              "更换", "安装", "导出", "查询", "改名", "订购", "退回", "跟踪",
                                              "升级", "恢复", "打印", "分享", "翻译", "比较", "充值", "租",
                                              "卖",   "投保", "邮寄", "申请", "设计", "测试"};
constexpr std::string_view kChineseThings[] = {
    "密码",   "发票", "护照", "会员",   "路由器", "旧电脑", "数据库", "账户",   "汽车",   "水槽", "合同",   "手机号",
    "打印机", "木桌", "表格", "驾驶证", "存款",   "水管",   "邮箱",   "自行车", "洗碗机", "包裹", "源代码", "相册",
    "酒店",   "滤芯", "蛋糕", "退税",   "电池",   "保险",   "服务器", "备份",   "简历",   "钢琴", "窗户",   "火车票"};

class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed) {}
  size_t below(size_t count) {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<size_t>((z ^ (z >> 31)) >> 11) % count;
  }

 private:
  uint64_t state_;
};

std::vector<std::string_view> frames_of(std::string_view kind) {
  std::vector<std::string_view> frames;
  while (!kind.empty()) {
    const size_t bar = kind.find('|');
    frames.push_back(kind.substr(0, bar));
    kind = bar == kind.npos ? std::string_view{} : kind.substr(bar + 1);
  }
  return frames;
}

std::string fill(std::string_view frame, std::string_view filling) {
  const size_t at = frame.find("{}");
  std::string out(frame.substr(0, at));
  return out.append(filling).append(frame.substr(at + 2));
}

struct Language {
  std::span<const std::string_view> kinds, verbs, things;
  std::string_view between;
};

}  // namespace

std::vector<Pair> make_corpus(uint64_t seed, size_t pairs) {
  const Language languages[] = {{kEnglishKinds, kEnglishVerbs, kEnglishThings, " "},
                                {kChineseKinds, kChineseVerbs, kChineseThings, ""}};
  Draw draw(seed);
  std::vector<Pair> out;
  out.reserve(pairs);
  while (out.size() < pairs) {
    const Language& language = languages[out.size() / 2 % 2];
    const auto filling = [&] {
      std::string text(language.verbs[draw.below(language.verbs.size())]);
      return text.append(language.between).append(language.things[draw.below(language.things.size())]);
    };
    const auto frames = frames_of(language.kinds[draw.below(language.kinds.size())]);
    const std::string_view one = frames[draw.below(frames.size())];
    const std::string first = filling();
    Pair pair{.a = fill(one, first), .b = {}, .same = out.size() % 2 == 0};
    if (pair.same) {
      pair.b = fill(frames[draw.below(frames.size())], first);
    } else if (draw.below(3) > 0) {
      const std::string second = filling();
      if (second == first) continue;
      pair.b = fill(frames[draw.below(frames.size())], second);
    } else {
      const auto others = frames_of(language.kinds[draw.below(language.kinds.size())]);
      if (others == frames) continue;
      pair.b = fill(others[draw.below(others.size())], first);
    }
    out.push_back(std::move(pair));
  }
  return out;
}

}  // namespace baton::similar
