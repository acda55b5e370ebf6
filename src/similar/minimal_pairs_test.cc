// Pairs of questions that differ in one thing that decides: 500 and more in each language, made from rows here. None
// may pass for the same question, however near its texts are and whatever was learnt.
#include <gtest/gtest.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "similar/facts.h"

namespace baton::similar {
namespace {

// [] takes each of `commons` in both texts, {} one of two neighbours of `fills` in each. With `swapped`, {1} and {2}
// take the two parts of a filling and, in the other text, the other way round.
struct Row {
  std::string_view what;
  std::string_view text;
  std::string_view commons;
  std::string_view fills;
  bool swapped = false;
};

constexpr Row kEnglish[] = {
    {"number", "How do I convert {} kilometers to miles?", "-", "5|15|50|51|500|5.5|0.5|1,500|15,000"},
    {"number", "What is {} percent of []?", "80|200|1,000", "5|15|20|25|2.5"},
    {"number", "List {} ideas for a [] party", "birthday|garden|farewell", "3|5|ten|twelve|20"},
    {"number", "What happened in [] in {}?", "Europe|Japan", "1914|1915|1941|1989|2001|2010"},
    {"number", "Is {} a prime number?", "-", "7|17|71|171|1,711|eleven|twelve"},
    {"number", "Can you tell me how to split a bill of $[] between {} people?", "90|120", "2|3|4|6"},
    {"number", "How do I solve x^{} = []?", "16|81", "2|3|4"},
    {"number", "What is the {} law of thermodynamics?", "-", "first|second|third"},
    {"negation", "Which [] can {} be grown in the shade?", "vegetables|herbs|roses|ferns", "|not|never"},
    {"negation", "Why is it {} allowed to [] here?", "park|swim|camp|smoke|fish", "|not|never"},
    {"negation", "Should I {} take [] with milk?", "aspirin|iron|zinc|ibuprofen|vitamins", "|not"},
    {"negation", "Name a country that {} have [].", "does|did", "|not"},
    {"negation", "How do I make [] {} sugar?", "jam|cookies|ice cream|lemonade|bread", "with|without"},
    {"negation", "Which foods {} contain []?", "gluten|lactose|iron|fibre|nuts", "do|don't|never"},
    {"negation", "Is it possible to {} renew a [] online?", "passport|visa|library card|licence", "|not"},
    {"negation", "Give me a list of words that {} end in [].", "ing|ed|tion|ness", "|do not"},
    {"negation", "Are [] safe for dogs{}?", "grapes|almonds|carrots", "|, or not at all"},
    {"swap", "How do I fly from {1} to {2}?", "-",
     "Paris/Rome|Berlin/Oslo|Tokyo/Seoul|Lima/Quito|Boston/Denver|Cairo/Nairobi|Madrid/Lisbon", true},
    {"swap", "Is {1} [] than {2}?", "older|bigger|cheaper|colder",
     "Mars/Venus|Canada/China|gold/silver|Python/Ruby|the Nile/the Amazon", true},
    {"swap", "How do I convert {1} to {2}?", "-",
     "PDF/EPUB|JSON/YAML|hex/decimal|MP4/MOV|dollars/euros|Celsius/Fahrenheit|markdown/HTML", true},
    {"swap", "Did {1} defeat {2} in the [] war?", "long|last",
     "Athens/Sparta|Rome/Carthage|France/Prussia|Japan/Russia", true},
    {"swap", "What did {1} say about {2}?", "-", "Plato/Socrates|Kant/Hume|Marx/Hegel|Newton/Leibniz", true},
    {"swap", "Who taught {2}, {1} or somebody else, and what did {1} learn from {2}?", "-",
     "Haydn/Beethoven|Verrocchio/Leonardo", true},
    {"swap", "How many {1} are there in one {2}?", "-", "cups/gallon|pints/quart|feet/yard|ounces/pound", true},
    {"entity", "What is the [] of {}?", "capital|currency|population|area",
     "France|Finland|Peru|Poland|Chad|Cuba|Nepal"},
    {"entity", "How do I reset my {}?", "-", "router|printer|password|phone|laptop|thermostat|watch|alarm clock"},
    {"entity", "Who wrote {}?", "-", "Dune|Emma|Ulysses|Hamlet|Faust|Candide|Dracula|Beloved"},
    {"entity", "Recommend a restaurant in {} for []", "two|ten", "Rome|Lyon|Kyoto|Austin|Porto"},
    {"entity", "What are the symptoms of {}?", "-", "flu|measles|mumps|malaria|gout|anemia|asthma|eczema"},
    {"entity", "Explain {} to a five year old", "-",
     "gravity|inflation|photosynthesis|entropy|democracy|magnetism|evolution|electricity"},
    {"entity", "How long should I boil {}?", "-", "eggs|rice|potatoes|pasta|lentils|carrots|crab"},
    {"entity", "What is the difference between tea and {}?", "-", "coffee|cocoa|juice|soda|matcha"},
    {"entity", "Is {} a good name for a cat?", "-", "Luna|Milo|Oliver|Leo|Bella"},
    {"unit", "How much does a [] weigh in {}?", "car|horse|piano|brick", "kilograms|pounds|tons|grams|ounces|stone"},
    {"unit", "How far is it from Rome to Naples in {}?", "-", "miles|km|meters|feet|yards"},
    {"unit", "How big is a file of [] {}?", "5|100", "KB|MB|GB|TB"},
    {"unit", "What is 20 {} in euros?", "-", "dollars|yen|pounds|rupees"},
    {"unit", "Set the oven to 200 degrees {} for []", "bread|pizza|fish", "Celsius|Fahrenheit"},
    {"unit", "How many {} are there between [] and now?", "Easter|Christmas", "days|weeks|hours|months"},
    {"unit", "What can I buy for {}100?", "-", "$|\u20ac|\u00a3|\u00a5"},
    {"tense", "Who {} the president of []?", "France|Kenya|Brazil|Korea", "is|was|will be|had been"},
    {"tense", "What {} the weather like in []?", "Oslo|Lima|Perth", "is|was|will be"},
    {"tense", "Why {} the [] close?", "shop|school|bridge|bank", "does|did|will"},
    {"tense", "How much {} a house cost in []?", "Dublin|Austin", "does|did|will"},
    {"tense", "I {} in [], what should I visit?", "Rome|Prague|Cusco", "am|was|will be"},
    {"date", "What is on TV {}?", "-", "today|tomorrow|tonight|on Monday|on Friday"},
    {"date", "Is the [] open on {}?", "bank|zoo|museum", "Monday|Tuesday|Saturday|Sunday"},
    {"polarity", "How do I {} the [] on my phone?", "camera|screen lock|microphone", "enable|disable"},
    {"polarity", "Should I {} [] shares now?", "bank|oil|tech|mining", "buy|sell"},
    {"polarity", "What are the {} of []?", "remote work|nuclear power|homework", "advantages|disadvantages"},
    {"polarity", "Is it better to stretch {} a []?", "run|match|swim", "before|after"},
    {"polarity", "Sort these [] in {} order", "names|dates|prices", "ascending|descending"},
    {"polarity", "What is the {} temperature in []?", "Rome|Perth", "highest|lowest"},
    {"code", "What does `{}` do in []?", "git|bash", "reset --soft|reset --hard|rm -r|rm -rf|clean -fd"},
    {"code", "How do I call {} in Python?", "-",
     "list.sort()|list.reverse()|os.path.join|os.path.split|my_func|my_func2"},
    {"code", "Explain {} in JavaScript", "-", "==|===|=|!=|=>"},
    {"code", "Write a function in {} that adds two numbers", "-", "C|C++|C#|Go|Java|Rust"},
    {"code", "What is the time complexity of {}?", "-", "O(n)|O(n^2)|O(n!)|O(1)"},
    {"code", "How do I install version {} of numpy?", "-", "1.2|1.20|1.2.1|2.1"},
    {"code", "What lies at https://example.com/{}?", "-", "a|b|a/b|A"},
    {"quoted", "How many letters are in \"{}\"?", "-", "cat|cats|Cat|cat "},
    {"quoted", "How do you say {} in Spanish?", "-", "please|thank you|hello|hi|could you tell me|the"},
    {"quoted", "Translate 'I {} you' into French", "-", "see|hear|help"},
    {"question", "{} did the library burn?", "-", "When|Where|Why|How|How often"},
    {"question", "How {} is the bridge?", "-", "long|old|high|wide|heavy"},
    {"person", "What is {} name?", "-", "your|my|his|her|our"},
};

constexpr Row kChinese[] = {
    {"number", "{}公里等于多少英里？", "-", "5|15|50|500|5.5|0.5|1500"},
    {"number", "[]的百分之{}是多少？", "80|200|1000", "5|15|20|25"},
    {"number", "给我推荐{}部好看的[]", "漫画|小说|动漫", "3|5|十|二十|两"},
    {"number", "{}年[]发生了什么事？", "中国|日本", "1911|1919|1937|1949|1978"},
    {"number", "{}岁的孩子可以[]吗？", "游泳|坐飞机|喝牛奶", "一|两|三|5|10"},
    {"number", "苹果{}多少钱？", "-", "6|7|8|12|13"},
    {"number", "{}元人民币能换多少[]？", "美元|日元", "100|1000|一百|一千"},
    {"number", "第{}季什么时候出？", "-", "一|二|三|四"},
    {"negation", "哪些[]{}能放冰箱？", "水果|蔬菜|药|面包", "|不"},
    {"negation", "为什么[]{}可以退货？", "手机|衣服|鞋子|鲜花", "|不"},
    {"negation", "孕妇{}能吃[]吗？", "螃蟹|西瓜|榴莲|山楂|芒果", "|不"},
    {"negation", "怎么做{}糖的[]？", "蛋糕|面包|果酱|饼干", "有|无"},
    {"negation", "[]{}会咬人吗？", "仓鼠|鹦鹉|乌龟|壁虎", "|不"},
    {"negation", "{}[]怎么办？", "工作|户口|驾照|身份证|发票", "有|没有"},
    {"negation", "[]{}是[]吗？", "西红柿|海豚|蜘蛛|竹子|黄瓜", "|不"},
    {"negation", "哪些国家{}需要签证去[]？", "泰国|日本|韩国|法国", "|不"},
    {"negation", "{}要在[]抽烟吗？", "医院|车站|商场", "|不"},
    {"swap", "从{1}到{2}怎么走？", "-", "北京/上海|广州/深圳|成都/重庆|南京/杭州|西安/洛阳|天津/青岛|长沙/武汉", true},
    {"swap", "{1}比{2}[]吗？", "大|贵|好|重", "金星/火星|黄金/白银|安卓/苹果|黄河/长江|数学/物理", true},
    {"swap", "{1}怎么转成{2}？", "-", "图片/文档|视频/音频|日元/美元|繁体/简体|英寸/厘米|阴历/阳历", true},
    {"swap", "{1}为什么喜欢{2}？", "-", "猫/老鼠|小明/小红|老师/学生|贾宝玉/林黛玉|许仙/白娘子|狐狸/乌鸦", true},
    {"swap", "{1}打败了{2}吗？", "-", "刘备/曹操|巴西/德国|火箭/湖人|项羽/刘邦|中国/韩国|诸葛亮/司马懿", true},
    {"swap", "{1}借给{2}的钱怎么要回来？", "-", "哥哥/弟弟|公司/员工|朋友/我|房东/租客", true},
    {"entity", "{}的[]是什么？", "首都|货币|国花|特产", "法国|泰国|日本|印度|越南|荷兰"},
    {"entity", "怎么重置{}？", "-", "路由器|打印机|密码|手机|电脑|手表"},
    {"entity", "{}是谁写的？", "-", "红楼梦|西游记|水浒传|三国演义|围城|活着|边城|骆驼祥子"},
    {"entity", "{}有什么好玩的地方？", "-", "北京|上海|厦门|西安|桂林|大理|三亚|青岛"},
    {"entity", "{}怎么做好吃？", "-", "红烧肉|排骨|鲫鱼|茄子|土豆|豆腐|鸡翅|牛肉"},
    {"entity", "{}的症状有哪些？", "-", "感冒|肺炎|胃炎|痛风|贫血|哮喘|糖尿病"},
    {"entity", "我想知道{}大学在哪个城市", "-", "浙江|山东|四川|武汉|复旦|清华"},
    {"entity", "微信怎么{}好友？", "-", "屏蔽|分组|推荐|备注|举报"},
    {"entity", "请问{}用什么软件好？", "-", "剪辑|画图|记账|背课文|修图|听歌"},
    {"unit", "一[]有多少{}？", "头大象|辆汽车|架钢琴", "公斤|斤|吨|克"},
    {"unit", "北京到天津有多少{}？", "-", "公里|米|英里|里"},
    {"unit", "5{}是多大的文件？", "-", "KB|MB|GB|TB"},
    {"unit", "100{}能买什么[]？", "手机|衣服|礼物", "元|美元|日元|欧元"},
    {"unit", "距离[]还有多少{}？", "春节|高考|国庆", "天|周|小时|分钟"},
    {"unit", "这个[]有多{}？", "箱子|桌子|房间|池子", "长|高|重|深"},
    {"unit", "身高180{}穿多大的鞋", "-", "厘米|毫米|英寸"},
    {"tense", "[]{}开门吗？", "银行|超市|图书馆|邮局", "|会|已经"},
    {"tense", "他{}去[]吗？", "北京|上海|国外", "会|正在|已经|曾经"},
    {"tense", "[]结婚{}吗？", "刘德华|周杰伦|王菲|林志玲", "|了|过"},
    {"tense", "你吃{}[]吗？", "榴莲|臭豆腐|生蚝|驴肉", "|过|着"},
    {"tense", "[]上映{}", "长津湖|流浪地球|战狼", "了|过|吗"},
    {"date", "{}[]的天气怎么样？", "北京|上海|广州", "今天|明天|后天|周六"},
    {"date", "{}的[]是几号？", "春节|中秋|端午", "今年|明年|去年"},
    {"date", "[]{}上班吗？", "银行|邮局|医院", "星期一|星期六|星期天"},
    {"polarity", "怎么{}[]？", "微信通知|自动更新|防火墙|定位", "打开|关闭"},
    {"polarity", "现在{}[]合适吗？", "房子|黄金|股票|比特币", "买|卖"},
    {"polarity", "[]有什么{}？", "跑步|喝酒|熬夜|单身", "好处|坏处"},
    {"polarity", "饭{}可以[]吗？", "游泳|喝茶|吃水果|跑步", "前|后"},
    {"polarity", "世界上{}的[]是什么？", "动物|国家|山|河", "最大|最小"},
    {"polarity", "{}人戴什么[]好看？", "帽子|眼镜|手表", "男|女"},
    {"polarity", "怎么{}[]？", "文件|照片|视频", "上传|下载"},
    {"code", "`{}`是做什么的？", "-", "git reset --soft|git reset --hard|rm -r|rm -rf|ls -l|ls -a"},
    {"code", "Python里{}怎么用？", "-", "list.sort()|list.reverse()|os.path|sys.path|my_func|my_func2"},
    {"code", "用{}写一个排序函数", "-", "C|C++|C#|Go|Java|Rust"},
    {"code", "JavaScript里{}和!=有什么区别", "-", "==|===|="},
    {"code", "怎么安装numpy {}版本", "-", "1.2|1.20|1.2.1|2.1"},
    {"quoted", "\u201c{}\u201d有多少笔画？", "-", "龙|凤|鼎|鑫"},
    {"quoted", "{}用英语怎么说？", "-", "你好|谢谢|请问|告诉我|的|大家知道"},
    {"quoted", "《{}》的作者是谁", "-", "呐喊|彷徨|朝花夕拾"},
    {"question", "他{}去北京？", "-", "怎么|为什么|什么时候|跟谁"},
    {"question", "[]{}？", "这双鞋|这部手机|这辆车", "多少钱|怎么样|在哪里买|怎么用"},
    {"person", "{}叫什么名字？", "-", "你|我|他|她|它"},
    {"particle", "{}大学怎么样", "-", "北京|北京的|南京|南京的"},
};

std::vector<std::string_view> parts(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (size_t at = 0;;) {
    const size_t end = text.find(by, at);
    out.push_back(text.substr(at, end - at));
    if (end == text.npos) return out;
    at = end + 1;
  }
}

std::string with(std::string text, std::string_view mark, std::string_view filling) {
  for (size_t at; (at = text.find(mark)) != text.npos;) text.replace(at, mark.size(), filling);
  for (size_t at; (at = text.find("  ")) != text.npos;) text.erase(at, 1);
  return text;
}

using Pairs = std::map<std::pair<std::string, std::string>, std::string_view>;  // what differs

Pairs pairs_of(std::span<const Row> rows) {
  Pairs pairs;
  for (const Row& row : rows) {
    for (std::string_view common : parts(row.commons, '|')) {
      const std::string text = with(std::string(row.text), "[]", common);
      const auto fills = parts(row.fills, '|');
      for (size_t i = 0; i < fills.size(); ++i) {
        if (row.swapped) {
          const auto both = parts(fills[i], '/');
          pairs.emplace(std::pair(with(with(text, "{1}", both[0]), "{2}", both[1]),
                                  with(with(text, "{1}", both[1]), "{2}", both[0])),
                        row.what);
          continue;
        }
        for (size_t k = i + 1; k < fills.size(); ++k)
          pairs.emplace(std::pair(with(text, "{}", fills[i]), with(text, "{}", fills[k])), row.what);
      }
    }
  }
  return pairs;
}

void expect_told_apart(const Pairs& pairs) {
  std::map<std::string_view, size_t> kinds;
  for (const auto& [texts, what] : pairs) {
    ++kinds[what];
    const auto a = facts_of(texts.first), b = facts_of(texts.second);
    ASSERT_TRUE(a && b) << texts.first << " | " << texts.second;
    EXPECT_TRUE(compare(*a, *b).guard) << what << ": " << texts.first << " | " << texts.second;
    EXPECT_TRUE(compare(*b, *a).guard);
    // Courtesy around it, case and punctuation change nothing of that.
    const auto framed = facts_of("Hello, " + texts.second + " Thanks!");
    ASSERT_TRUE(framed);
    EXPECT_TRUE(compare(*a, *framed).guard) << what << ": " << texts.first << " | framed " << texts.second;
  }
  for (std::string_view kind : {"number", "negation", "swap", "entity", "unit", "tense", "code"})
    EXPECT_GE(kinds[kind], 20u) << kind;
}

TEST(MinimalPairsTest, five_hundred_in_english_are_told_apart) {
  const Pairs pairs = pairs_of(kEnglish);
  EXPECT_GE(pairs.size(), 500u);
  expect_told_apart(pairs);
}

TEST(MinimalPairsTest, five_hundred_in_chinese_are_told_apart) {
  const Pairs pairs = pairs_of(kChinese);
  EXPECT_GE(pairs.size(), 500u);
  expect_told_apart(pairs);
}

// Or the two tests above would pass for who tells everything apart.
TEST(MinimalPairsTest, each_of_these_questions_is_the_same_as_itself_in_other_words) {
  size_t count = 0;
  for (const auto& [texts, what] : pairs_of(kEnglish)) {
    const auto a = facts_of(texts.first);
    const std::string& text = texts.first;
    ++count;
    EXPECT_FALSE(compare(*a, *facts_of("  " + text + " ")).guard) << text;
    if (!text.starts_with("How do I ") || what == "quoted") continue;
    for (std::string_view other :
         {"how to ", "How can I ", "Hi, could you tell me how to ", "please tell me how do I "}) {
      const std::string said = std::string(other) + text.substr(9);
      EXPECT_FALSE(compare(*a, *facts_of(said)).guard) << text << " | " << said;
    }
  }
  for (const auto& [texts, what] : pairs_of(kChinese)) {
    const std::string& text = texts.first;
    ++count;
    EXPECT_FALSE(compare(*facts_of(text), *facts_of(text + " ")).guard) << text;
    if (what == "quoted" || what == "code") continue;
    for (std::string_view other : {"请问", "我想知道", "请教一下，"})
      EXPECT_FALSE(compare(*facts_of(text), *facts_of(std::string(other) + text)).guard) << other << text;
  }
  EXPECT_GE(count, 1000u);
}

}  // namespace
}  // namespace baton::similar
