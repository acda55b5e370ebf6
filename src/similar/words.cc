#include "similar/words.h"

#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.h"
#include "similar/normal.h"

namespace baton::similar {

namespace {

struct Line {
  Sort sort;
  std::string_view same_as;  // what all of them say; empty: each says something of its own
  std::string_view words;    // with a bar between them
};

constexpr Line kEnglish[] = {
    {Sort::kPlain, "", "a|an|the|is|are|am|do|does"},
    {Sort::kEnds, "", "hi|hello|hey|hi there|hello there|dear all|good morning|good afternoon|good evening"},
    {Sort::kTail, "", "thanks|thank you|thx|many thanks|thanks in advance|thank you in advance|thanks a lot"},
    {Sort::kTail, "", "thank you very much"},
    {Sort::kLead, "",
     "please|kindly|tell me|please tell me|could you tell me|can you tell me|could you please tell me|can you please "
     "tell me|"
     "would you tell me|would you please tell me|will you tell me|could you please|can you please|would you please|"
     "i want to know|i would like to know|i need to know|i wanted to know|do you know|does anyone know|"
     "does anybody know|anyone know|i was wondering|i am wondering|i wonder|just wondering|quick question|"
     "i have a question|my question is|pls|plz|can anyone tell me|can somebody tell me|can someone tell me|"
     "could someone tell me|can anybody tell me|please let me know|let me know"},
    {Sort::kWhatIs, "what is", "what is|what are|what am"},
    {Sort::kQuestion, "how to",
     "how to|how do i|how can i|how do you|how can you|how do we|how can we|how does one|how can one|how would i|"
     "how could i|how would you|how would one|what is the way to|in what way can i|how might i|how am i able to"},
    {Sort::kQuestion, "where to",
     "where to|where do i|where can i|where do you|where can you|where can one|where do we|where can we"},
    {Sort::kQuestion, "can i", "can i|could i|may i|am i able to|is it possible to|is it possible for me to"},
    {Sort::kQuestion, "why", "why|how come|what is the reason that|for what reason"},
    {Sort::kQuestion, "",
     "what|which|who|whom|whose|where|when|how|how many|how much|how long|how often|how far|how old|how big|how tall|"
     "how fast|how come|what if|what kind|what time|should i|must i|would|could|should|might|can|may|must"},
    {Sort::kNumber, "0", "zero"},
    {Sort::kNumber, "1", "one"},
    {Sort::kNumber, "2", "two"},
    {Sort::kNumber, "3", "three"},
    {Sort::kNumber, "4", "four"},
    {Sort::kNumber, "5", "five"},
    {Sort::kNumber, "6", "six"},
    {Sort::kNumber, "7", "seven"},
    {Sort::kNumber, "8", "eight"},
    {Sort::kNumber, "9", "nine"},
    {Sort::kNumber, "10", "ten"},
    {Sort::kNumber, "11", "eleven"},
    {Sort::kNumber, "12", "twelve"},
    {Sort::kNumber, "",
     "thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
     "ninety|hundred|thousand|million|billion|trillion|dozen|half|third|quarter|double|triple|twice|thrice|once|first|"
     "second|fourth|fifth|sixth|seventh|eighth|ninth|tenth|both|single|pair|couple"},
    {Sort::kUnit, "km", "km|kilometer|kilometers|kilometre|kilometres|kms"},
    {Sort::kUnit, "mile", "mile|miles"},
    {Sort::kUnit, "meter", "meter|meters|metre|metres"},
    {Sort::kUnit, "cm", "cm|centimeter|centimeters|centimetre|centimetres"},
    {Sort::kUnit, "mm", "mm|millimeter|millimeters|millimetre|millimetres"},
    {Sort::kUnit, "kg", "kg|kgs|kilogram|kilograms|kilo|kilos"},
    {Sort::kUnit, "gram", "gram|grams"},
    {Sort::kUnit, "pound", "lb|lbs|pound|pounds"},
    {Sort::kUnit, "ounce", "oz|ounce|ounces"},
    {Sort::kUnit, "liter", "liter|liters|litre|litres"},
    {Sort::kUnit, "dollar", "dollar|dollars|usd"},
    {Sort::kUnit, "euro", "euro|euros|eur"},
    {Sort::kUnit, "percent", "percent|per cent"},
    {Sort::kUnit, "",
     "g|mg|ml|ton|tons|tonne|tonnes|foot|feet|inch|inches|yard|yards|acre|acres|hectare|hectares|gallon|gallons|cup|"
     "cups|celsius|fahrenheit|kelvin|yen|rupee|rupees|gbp|cny|rmb|jpy|cent|cents|kb|mb|gb|tb|bit|bits|byte|bytes|hz|"
     "khz|mhz|ghz|watt|watts|volt|volts|amp|amps|joule|joules|calorie|calories|mph|kph|degree|degrees"},
    {Sort::kDate, "",
     "today|tomorrow|yesterday|tonight|now|currently|latest|recent|recently|monday|tuesday|wednesday|thursday|friday|"
     "saturday|sunday|january|february|april|june|july|august|september|october|november|december|jan|feb|apr|jun|jul|"
     "aug|sep|sept|oct|nov|dec|day|days|week|weeks|month|months|year|years|hour|hours|minute|minutes|seconds|daily|"
     "weekly|monthly|yearly|annual|annually|morning|afternoon|evening|night|midnight|noon|weekend|weekday|spring|"
     "summer|autumn|winter|century|decade|quarterly|am|pm|last|next|previous|ago|since|until|till"},
    {Sort::kNegation, "",
     "not|no|never|none|nobody|nothing|nowhere|neither|nor|without|unable|cannot|hardly|barely|lack|lacks|lacking|"
     "except|excluding|unless|impossible"},
    {Sort::kPolarity, "",
     "increase|decrease|increases|decreases|increased|decreased|increasing|decreasing|buy|sell|buying|selling|bought|"
     "sold|enable|disable|enabled|disabled|enabling|disabling|on|off|up|down|before|after|more|less|most|least|maximum|"
     "minimum|max|min|hot|cold|open|close|opened|closed|opening|closing|start|stop|started|stopped|begin|end|add|"
     "remove|"
     "added|removed|adding|removing|import|export|importing|exporting|encrypt|decrypt|left|right|with|include|exclude|"
     "allow|deny|allowed|denied|accept|reject|accepted|rejected|male|female|ascending|descending|always|best|worst|"
     "better|worse|cheap|expensive|true|false|good|bad|high|low|higher|lower|highest|lowest|fast|slow|big|small|large|"
     "long|short|longer|shorter|longest|shortest|old|new|older|newer|oldest|newest|rich|poor|strong|weak|safe|unsafe|"
     "legal|illegal|possible|advantage|advantages|disadvantage|disadvantages|pros|cons|benefit|benefits|risk|risks|win|"
     "lose|give|take|send|receive|upload|download|lock|unlock|install|uninstall|connect|disconnect|push|pull|in|out|"
     "above|below|over|under|inside|outside|front|back|early|late|earlier|later|few|many|all|any|some|only|husband|"
     "wife|"
     "mother|father|brother|sister|son|daughter|man|woman|men|women|boy|girl|he|she|him|her|his|north|south|east|west|"
     "even|odd|positive|negative|public|private|input|output|read|write|raise|rise|fall|grow|shrink|gain|loss|love|"
     "hate|"
     "like|dislike|agree|disagree|happy|unhappy|wet|dry|light|dark|heavy|hard|soft|easy|difficult|push|borrow|lend|"
     "employer|employee|buyer|seller|teacher|student|doctor|patient|winner|loser|succeed|fail|pass|active|inactive"},
    {Sort::kTense, "future", "will|shall|going to|gonna|about to"},
    {Sort::kTense, "past", "was|were|did"},
    {Sort::kTense, "", "had|used to|been|being|be|have been|has been|would have|already|yet|still|anymore|any more"},
    {Sort::kContent, "have", "have|has"},
    {Sort::kContent, "and", "and|&"},
    {Sort::kContent, "versus", "versus|vs|v.s"},
    {Sort::kContent, "color", "color|colour"},
    {Sort::kContent, "colors", "colors|colours"},
    {Sort::kContent, "center", "center|centre"},
    {Sort::kContent, "organize", "organize|organise"},
    {Sort::kContent, "behavior", "behavior|behaviour"},
    {Sort::kContent, "favorite", "favorite|favourite"},
    {Sort::kContent, "program", "program|programme"},
    {Sort::kContent, "gray", "gray|grey"},
    {Sort::kContent, "neighbor", "neighbor|neighbour"},
    {Sort::kContent, "traveling", "traveling|travelling"},
    {Sort::kContent, "ok", "ok|okay"},
};

constexpr Line kChinese[] = {
    {Sort::kLead, "",
     "请问|请问一下|请问下|请教|请教一下|请教下|请教大家|想问|想问下|想问一下|我想问|我想问下|我想问一下|我想请问|"
     "我想请教|"
     "我想知道|想知道|我想了解|求问|求教|求助|麻烦问一下|麻烦问下|问一下|问下|问问|谁知道|有谁知道|有人知道|"
     "有没有人知道|"
     "大家知道|你知道|你们知道|您知道|能告诉我|可以告诉我|能不能告诉我|可不可以告诉我|请告诉我|麻烦告诉我|告诉我|"
     "谁能告诉我|"
     "哪位知道|急求|弱弱的问一下|弱弱地问一句|请您告诉我"},
    {Sort::kEnds, "",
     "你好|您好|大家好|各位|各位大神|大神|亲|亲们|急|急急急|谢谢|谢谢了|谢谢啦|多谢|谢了|谢谢你|谢谢大家|在线等"},
    {Sort::kTail, "", "呢|啊|呀|哦|噢|嘛|咧|哇|呐"},
    {Sort::kWhatIs, "what is", "是什么|什么是|是啥|啥是|是什么东西|是个什么东西"},
    {Sort::kQuestion, "怎么",
     "怎么|如何|怎样|咋|怎么样才能|怎样才能|如何才能|怎么才能|咋样才能|怎么能|怎样能|如何能|怎么样能"},
    {Sort::kQuestion, "怎么办", "怎么办|咋办|如何是好|该怎么办|应该怎么办|要怎么办"},
    {Sort::kQuestion, "为什么", "为什么|为啥|为何|为什么会|为啥会|为何会"},
    {Sort::kQuestion, "什么意思", "什么意思|啥意思|是什么意思|是啥意思|什么含义|是什么含义"},
    {Sort::kQuestion, "什么", "什么|啥"},
    {Sort::kQuestion, "哪里", "哪里|哪儿|在哪里|在哪儿|什么地方|在什么地方|啥地方"},
    {Sort::kQuestion, "什么时候", "什么时候|何时|啥时候|什么时间|什么时侯"},
    {Sort::kQuestion, "多久", "多久|多长时间|多少时间"},
    {Sort::kQuestion, "能不能", "能不能|可不可以|能否|可否|是否可以|是否能"},
    {Sort::kQuestion, "是不是", "是不是|是否|是否是"},
    {Sort::kQuestion, "有没有", "有没有|有无"},
    {Sort::kQuestion, "",
     "怎么样|咋样|怎么回事|怎么着|谁|哪|哪个|哪些|几|多少|多少钱|多大|多高|多远|多长|多重|吗|么|要不要|会不会|该不该|"
     "好不好|"
     "行不行|对不对|要多久"},
    {Sort::kNumber, "0", "零|〇"},
    {Sort::kNumber, "1", "一"},
    {Sort::kNumber, "2", "二|两"},
    {Sort::kNumber, "3", "三"},
    {Sort::kNumber, "4", "四"},
    {Sort::kNumber, "5", "五"},
    {Sort::kNumber, "6", "六"},
    {Sort::kNumber, "7", "七"},
    {Sort::kNumber, "8", "八"},
    {Sort::kNumber, "9", "九"},
    {Sort::kNumber, "", "十|百|千|万|亿|半|双|第"},
    {Sort::kUnit, "元", "元|块钱|块"},
    {Sort::kUnit, "km", "公里|千米"},
    {Sort::kUnit, "kg", "公斤|千克"},
    {Sort::kUnit, "",
     "斤|两斤|克|吨|米|厘米|毫米|英里|英尺|英寸|里|亩|公顷|平方|平米|平方米|立方米|升|毫升|度|摄氏度|华氏度|美元|欧元|"
     "日元|"
     "英镑|人民币|港币|角|分|毛|岁|个|只|条|张|本|瓶|杯|斤重|瓦|千瓦|伏|安|兆|字节|百分之"},
    {Sort::kDate, "",
     "今天|明天|昨天|后天|前天|今年|明年|去年|前年|后年|本月|上月|下月|上个月|下个月|这个月|上周|下周|本周|上星期|"
     "下星期|"
     "这星期|星期一|星期二|星期三|星期四|星期五|星期六|星期日|星期天|周一|周二|周三|周四|周五|周六|周日|现在|目前|最新|"
     "最近|"
     "早上|上午|中午|下午|晚上|凌晨|春天|夏天|秋天|冬天|年|月|日|号|时|点|分钟|小时|天|周|星期|季度|世纪|年代|刚才|"
     "刚刚|"
     "以前|以后|之前|之后"},
    {Sort::kNegation, "没", "没|没有"},
    {Sort::kNegation, "不要", "不要|别"},
    {Sort::kNegation, "不能", "不能|不可以|不能够"},
    {Sort::kNegation, "", "不|无|非|未|勿|莫|否|不会|不是|禁止|无法|除了|免|缺"},
    {Sort::kPolarity, "",
     "买|卖|开|关|上|下|大|小|多|少|增|减|加|删|升|降|左|右|前|后|进|出|男|女|高|低|长|短|快|慢|好|坏|新|旧|早|晚|胖|"
     "瘦|涨|跌|"
     "内|外|冷|热|增加|减少|提高|降低|打开|关闭|开启|开始|结束|允许|拒绝|接受|安装|卸载|上传|下载|导入|导出|加密|解密|"
     "连接|断开|"
     "优点|缺点|好处|坏处|利|弊|最大|最小|最高|最低|最好|最差|最多|最少|最长|最短|最新|最早|最快|最慢|输|赢|借|还|收|"
     "发|真|假|"
     "生|死|爱|恨|公|母|父|爸爸|妈妈|哥哥|姐姐|弟弟|妹妹|老公|老婆|丈夫|妻子|男人|女人|男生|女生|男孩|女孩|东|西|南|北|"
     "正|反|"
     "阴|阳|奇数|偶数|存|取|登录|退出|锁定|解锁|绑定|解绑|强|弱|轻|重|软|硬|难|易|简单|困难|干|湿|明|暗|深|浅|粗|细|厚|"
     "薄|远|近"},
    {Sort::kTense, "", "了|过|着|会|将|将要|正在|已经|曾经|曾|还|仍|就要|快要|刚|正|要"},
    {Sort::kContent, "和", "和|与"},
    {Sort::kContent, "能", "能|可以|能够"},
    {Sort::kContent, "",
     "区别|特别|别人|非常|未来|无线|不同|不过|分别|级别|性别|差别|万一|一样|一般|一起|一直|一些|一定|十分"},
};

struct Table {
  std::unordered_map<std::string, Word> english;
  std::unordered_set<std::string> begins;
  std::unordered_map<std::u32string, Word> chinese;
};

template <class Take>
void read_lines(std::span<const Line> lines, Take take) {
  for (const Line& line : lines) {
    for (std::string_view rest = line.words; !rest.empty();) {
      const size_t bar = rest.find('|');
      const std::string_view word = rest.substr(0, bar);
      take(word, Word{line.sort, id_of(line.same_as.empty() ? word : line.same_as)});
      rest = bar == rest.npos ? std::string_view{} : rest.substr(bar + 1);
    }
  }
}

// What comes first in the table counts.
Table build() {
  Table table;
  read_lines(kEnglish, [&](std::string_view word, Word as) {
    table.english.try_emplace(std::string(word), as);
    if (const size_t blank = word.find(' '); blank != word.npos) table.begins.emplace(word.substr(0, blank));
  });
  read_lines(kChinese, [&](std::string_view word, Word as) { table.chinese.try_emplace(*normal(word), as); });
  return table;
}

const Table& table() {
  static const Table kTable = build();
  return kTable;
}

}  // namespace

uint64_t id_of(std::string_view canonical) { return hash64(canonical, 0x6d65616e); }

const Word* find_phrase(std::string_view words) {
  const auto found = table().english.find(std::string(words));
  return found == table().english.end() ? nullptr : &found->second;
}

bool begins_phrase(std::string_view word) { return table().begins.contains(std::string(word)); }

const Word* find_han(std::u32string_view characters) {
  const auto found = table().chinese.find(std::u32string(characters));
  return found == table().chinese.end() ? nullptr : &found->second;
}

bool depends_on_case(std::string_view word) {
  static const std::unordered_set<std::string_view> kWords = {
      "turkey",  "china",  "polish", "may",    "march",  "august",  "will",    "mark",    "bill",   "rose",
      "apple",   "amazon", "shell",  "target", "python", "java",    "ruby",    "swift",   "rust",   "go",
      "windows", "word",   "excel",  "access", "chase",  "gap",     "subway",  "oracle",  "meta",   "square",
      "mercury", "mars",   "saturn", "jack",   "frank",  "grace",   "hope",    "faith",   "joy",    "art",
      "drew",    "pat",    "sue",    "rob",    "guy",    "ray",     "dean",    "earl",    "duke",   "baker",
      "cook",    "smith",  "miller", "bishop", "king",   "stone",   "wood",    "brown",   "black",  "white",
      "green",   "young",  "long",   "short",  "bath",   "reading", "nice",    "cork",    "mobile", "phoenix",
      "buffalo", "orange", "jersey", "guinea", "chad",   "jordan",  "georgia", "lent",    "job",    "acts",
      "mass",    "earth",  "sun",    "god",    "lord",   "prime",   "slack",   "teams",   "zoom",   "discord",
      "twitter", "signal", "spring", "docker", "ant",    "maven",   "spark",   "flask",   "react",  "angular",
      "express", "node",   "git",    "chrome", "edge",   "safari",  "opera",   "outlook", "office", "notion",
      "figma",   "sketch", "unity",  "steam",  "switch", "wii",     "galaxy",  "note",    "fire",   "kindle",
      "echo"};
  return kWords.contains(word);
}

bool is_about_words(std::string_view word) {
  static const std::unordered_set<std::string_view> kWords = {
      "say",          "says",          "said",       "saying",  "spell",     "spelled",    "spelt",       "spelling",
      "mean",         "means",         "meaning",    "meant",   "translate", "translated", "translation", "pronounce",
      "pronounced",   "pronunciation", "word",       "words",   "phrase",    "phrases",    "sentence",    "grammar",
      "grammatical",  "define",        "definition", "synonym", "synonyms",  "antonym",    "rhyme",       "rhymes",
      "abbreviation", "acronym",       "letter",     "letters", "syllable",  "syllables",  "rewrite",     "rephrase",
      "paraphrase",   "proofread",     "correct",    "count",   "reverse",   "repeat",     "uppercase",   "lowercase",
      "capitalize",   "english",       "chinese",    "spanish", "french",    "german",     "japanese",    "korean",
      "italian",      "russian",       "latin",      "called",  "song",      "movie",      "film",        "book",
      "lyrics",       "quote",         "title",      "string",  "regex",     "echo",       "print",       "classify",
      "sentiment",    "summarize",     "summarise",  "edit",    "complete",  "continue"};
  return kWords.contains(word);
}

bool is_about_words(std::u32string_view characters) {
  static const std::unordered_set<std::u32string_view> kWords = {
      U"翻译",   U"英语",   U"英文",   U"日语",   U"韩语", U"法语", U"德语", U"中文", U"汉语", U"意思",
      U"含义",   U"怎么说", U"怎么读", U"怎么写", U"拼音", U"读音", U"发音", U"造句", U"词语", U"单词",
      U"成语",   U"近义",   U"反义",   U"同义",   U"歌词", U"歌名", U"改写", U"润色", U"缩写", U"续写",
      U"这句",   U"句子",   U"字数",   U"标点",   U"语法", U"病句", U"回复", U"歌曲", U"电影", U"这首",
      U"什么歌", U"下一句", U"上一句", U"用语",   U"笔画", U"部首", U"偏旁"};
  return kWords.contains(characters);
}

bool is_abbreviation(std::string_view word) {
  static const std::unordered_set<std::string_view> kWords = {"us",  "it",  "aids", "sat", "pin", "ram",
                                                              "pet", "act", "led",  "who", "gap", "cat",
                                                              "aim", "rip", "sad",  "mit", "id"};
  return kWords.contains(word);
}

std::string_view spelt_out(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> kWords = {
      {"what's", "what is"},     {"whats", "what is"},      {"who's", "who is"},
      {"whos", "who is"},        {"where's", "where is"},   {"wheres", "where is"},
      {"how's", "how is"},       {"when's", "when is"},     {"why's", "why is"},
      {"it's", "it is"},         {"that's", "that is"},     {"there's", "there is"},
      {"here's", "here is"},     {"he's", "he is"},         {"she's", "she is"},
      {"let's", "let us"},       {"i'm", "i am"},           {"im", "i am"},
      {"i'd", "i would"},        {"i've", "i have"},        {"i'll", "i will"},
      {"you're", "you are"},     {"you've", "you have"},    {"you'll", "you will"},
      {"we're", "we are"},       {"we've", "we have"},      {"we'll", "we will"},
      {"they're", "they are"},   {"they've", "they have"},  {"they'll", "they will"},
      {"it'll", "it will"},      {"he'll", "he will"},      {"she'll", "she will"},
      {"don't", "do not"},       {"dont", "do not"},        {"doesn't", "does not"},
      {"doesnt", "does not"},    {"didn't", "did not"},     {"didnt", "did not"},
      {"can't", "can not"},      {"cant", "can not"},       {"cannot", "can not"},
      {"won't", "will not"},     {"wont", "will not"},      {"shan't", "shall not"},
      {"isn't", "is not"},       {"isnt", "is not"},        {"aren't", "are not"},
      {"arent", "are not"},      {"wasn't", "was not"},     {"weren't", "were not"},
      {"hasn't", "has not"},     {"haven't", "have not"},   {"hadn't", "had not"},
      {"wouldn't", "would not"}, {"couldn't", "could not"}, {"shouldn't", "should not"},
      {"mustn't", "must not"},   {"needn't", "need not"},   {"ain't", "is not"}};
  const auto found = kWords.find(word);
  return found == kWords.end() ? std::string_view{} : found->second;
}

}  // namespace baton::similar
