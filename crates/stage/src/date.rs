//! Parses dates in sixteen languages: decides whether a line is a date and which day it is. Used by
//! the `dateline` stage, and by the engine and runs for the dates of documents.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::calendar;

/// Month names by month, including genitives and abbreviations. Names that several languages share
/// are listed once.
const MONTHS: [&str; 12] = [
    "january jan januar jänner janvier janv enero ene janeiro gennaio gen januari styczeń stycznia январь января янв ocak يناير كانون ژانویه जनवरी",
    "february feb februar februari février févr fév febrero fevereiro fev febbraio febr luty lutego февраль февраля фев şubat فبراير شباط فوریه फरवरी फ़रवरी",
    "march mar märz mär maart mrt mars marzo março marzec marca март марта мар mart مارس آذار मार्च",
    "april apr avril avr abril abr aprile kwiecień kwietnia апрель апреля апр nisan أبريل ابريل نيسان آوریل अप्रैल",
    "may mai mayo maio mag maggio mei maj maja май мая mayıs مايو أيار مه मई",
    "june jun juni juin junio junho giugno giu czerwiec czerwca июнь июня июн haziran يونيو حزيران ژوئن जून",
    "july jul juli juillet juil julio julho luglio lug lipiec lipca июль июля июл temmuz يوليو تموز ژوئیه جولای जुलाई",
    "august aug août agosto ago augustus sierpień sierpnia август августа авг ağustos أغسطس اغسطس آب اوت अगस्त",
    "september sept sep septembre septiembre setembro set settembre wrzesień września сентябрь сентября сен eylül سبتمبر أيلول سپتامبر सितंबर सितम्बर",
    "october oct oktober okt octobre octubre outubro out ottobre ott październik października октябрь октября окт ekim أكتوبر اكتوبر اکتبر अक्टूबर अक्तूबर",
    "november nov novembre noviembre novembro listopad listopada ноябрь ноября ноя kasım نوفمبر نوامبر नवंबर नवम्बर",
    "december dec dezember dez décembre déc diciembre dic dezembro dicembre grudzień grudnia декабрь декабря дек aralık ديسمبر دسامبر दिसंबर दिसम्बर",
];

const WEEKDAYS: &str = "monday mon tuesday tue tues wednesday wed thursday thu thur thurs friday fri saturday sat sunday sun \
    montag mo dienstag di mittwoch mi donnerstag do freitag fr samstag sonnabend sa sonntag so \
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo \
    segunda terça quarta quinta sexta feira lunedì martedì mercoledì giovedì venerdì sabato domenica \
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag \
    poniedziałek wtorek środa czwartek piątek sobota niedziela \
    понедельник вторник среда четверг пятница суббота воскресенье пн вт ср чт пт сб вс \
    pazartesi salı çarşamba perşembe cuma cumartesi pazar \
    الاثنين الإثنين الثلاثاء الأربعاء الاربعاء الخميس الجمعة السبت الأحد الاحد \
    دوشنبه سه‌شنبه چهارشنبه پنجشنبه پنج‌شنبه جمعه شنبه یکشنبه \
    सोमवार मंगलवार बुधवार गुरुवार शुक्रवार शनिवार रविवार \
    星期一 星期二 星期三 星期四 星期五 星期六 星期日 周一 周二 周三 周四 周五 周六 周日 \
    月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 火 水 木 金 土 \
    월요일 화요일 수요일 목요일 금요일 토요일 일요일";

/// Words between the parts of a date or time.
const FILLERS: &str = "at on of the um uhr à a le h de del dos e o om te at th st nd rd er am pm p m \
    est edt cst cdt mst mdt pst pdt gmt utc cet cest msk bst ist jst kst et pt local time \
    г год года в saat ساعت साल को बजे 年 月 日 時 时 分 秒 点 點 上午 下午 午前 午後 년 월 일 시 분 오전 오후 م هـ ه ص z t";

/// Words that label a date.
const LABELS: &str = "date dated published publish updated update last modified posted created issued first \
    veröffentlicht aktualisiert stand erstellt datum erschienen zuletzt publié publiée mis jour mise actualisé \
    modifié publicado publicada actualizado actualizada atualizado atualizada fecha data pubblicato aggiornato \
    gepubliceerd bijgewerkt laatst opublikowano aktualizacja zaktualizowano dodano опубликовано обновлено дата \
    publikacji yayınlanma yayın güncelleme güncellendi tarihi giriş son تاریخ انتشار تاريخ النشر نشر آخر تحديث \
    بروزرسانی 发布 发布时间 发布日期 更新 更新时间 更新日 公開 公開日 掲載 配信 投稿日 입력 수정 등록 기사입력 최종수정 승인 \
    प्रकाशित अपडेटेड अपडेट पब्लिश and und et y";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Month(u32),
    Weekday,
    Filler,
    Label,
}

static WORDS: LazyLock<HashMap<String, Word>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    // Later lists override earlier ones, so a word that can be a month is one.
    let lists = [(LABELS, Word::Label), (FILLERS, Word::Filler), (WEEKDAYS, Word::Weekday)];
    for (list, word) in lists {
        words.extend(list.split_whitespace().map(|text| (text.to_lowercase(), word)));
    }
    for (number, names) in (1..).zip(MONTHS) {
        words.extend(names.split_whitespace().map(|text| (text.to_owned(), Word::Month(number))));
    }
    words
});

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Number {
        value: u32,
        digits: usize,
    },
    Word(String),
    /// A punctuation mark. `.`, `/` and `-` join numbers.
    Mark(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(digit) = digit(c) {
            let (mut value, mut digits) = (digit, 1);
            while let Some(digit) = chars.peek().and_then(|c| self::digit(*c)) {
                value = value.saturating_mul(10).saturating_add(digit);
                digits += 1;
                chars.next();
            }
            tokens.push(Token::Number { value, digits });
        } else if c.is_alphabetic() {
            let mut word = String::from(c);
            // Combining marks and joiners belong to their letter; digits do not.
            let joins = |c: &char| {
                c.is_alphabetic()
                    || matches!(*c, '\u{200c}' | '\u{300}'..='\u{36f}' | '\u{900}'..='\u{963}')
            };
            while let Some(next) = chars.next_if(joins) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if !c.is_whitespace() {
            tokens.push(Token::Mark(c));
        }
    }
    tokens
}

/// The value of a decimal digit: ASCII, full-width, Arabic, Persian or Devanagari.
fn digit(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let zeros = ['０', '٠', '۰', '०'];
    zeros.iter().map(|zero| u32::from(c).wrapping_sub(u32::from(*zero))).find(|digit| *digit < 10)
}

/// Whether the text contains a digit. Without one it cannot contain a date.
pub fn has_digit(text: &str) -> bool {
    // Folding without an early exit lets the compiler vectorise the loop.
    text.bytes().fold(false, |any, byte| any | byte.is_ascii_digit())
        || !text.is_ascii() && text.chars().any(|c| digit(c).is_some())
}

fn word(text: &str) -> Option<Word> {
    let lower = text.to_lowercase();
    WORDS.get(&lower).copied()
}

/// Whether a word is the name of a month in any of the languages.
pub fn is_month(text: &str) -> bool {
    matches!(word(text.trim_matches(['.', ','])), Some(Word::Month(_)))
}

/// The first date in `text` with a day, a month and a year, as `2017-07-05`.
///
/// `07/05/2017` is ambiguous and gives `None`. Years of the Persian calendar are not converted.
pub fn iso(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let plain: Vec<&Token> =
        tokens.iter().filter(|t| !matches!(t, Token::Mark('.' | ',' | '،'))).collect();
    numeric(&tokens).or_else(|| named(&plain))
}

/// `2017-07-05`, `2017年7月5日`, `05.07.2017`, `25/07/2017`.
fn numeric(tokens: &[Token]) -> Option<String> {
    let bound = |t: &Token| match t {
        Token::Mark(c) if "-/.–".contains(*c) => true,
        Token::Word(w) => ["年", "月", "년", "월"].contains(&w.as_str()),
        _ => false,
    };
    tokens.windows(5).find_map(|window| match window {
        [
            Token::Number { value: a, digits: da },
            first,
            Token::Number { value: b, .. },
            second,
            Token::Number { value: c, digits: dc },
        ] if bound(first) && bound(second) => match (da, dc) {
            (4, 1..=2) => ymd(*a, *b, *c),
            (1..=2, 4) if *first == Token::Mark('.') || *a > 12 => ymd(*c, *b, *a),
            (1..=2, 4) if *b > 12 => ymd(*c, *a, *b),
            _ => None,
        },
        _ => None,
    })
}

/// `5 July 2017`, `July 5, 2017`, `5 de julio de 2017`, `5th of July 2017`.
fn named(tokens: &[&Token]) -> Option<String> {
    let (at, month) = tokens.iter().enumerate().find_map(|(at, token)| match token {
        Token::Word(text) => match word(text) {
            Some(Word::Month(month)) => Some((at, month)),
            _ => None,
        },
        _ => None,
    })?;
    let number = |token: &&Token| match token {
        Token::Number { value, digits } => Some((*value, *digits)),
        _ => None,
    };
    let filler =
        |token: &&&Token| matches!(token, Token::Word(text) if word(text) == Some(Word::Filler));
    let before = tokens[..at].iter().rev().find(|token| !filler(token)).and_then(number);
    let mut after = tokens[at + 1..].iter().filter(|token| !filler(token)).map_while(number);
    let (first, second) = (after.next(), after.next());
    match (before, first, second) {
        (Some((day, 1..=2)), Some((year, 4)), _) => ymd(year, month, day),
        (_, Some((day, 1..=2)), Some((year, 4))) => ymd(year, month, day),
        _ => None,
    }
}

fn ymd(year: u32, month: u32, day: u32) -> Option<String> {
    let valid = (1600..2200).contains(&year) && calendar::is_date(year, month, day);
    valid.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// A line that is only a date, with an optional label and place.
#[derive(Debug, PartialEq, Eq)]
pub struct DateLine {
    /// The date, if it has a day, a month and a year.
    pub date: Option<String>,
    /// The place, as written.
    pub place: Option<String>,
}

/// Parses a line that is only a date, such as `date 2017-07-05 Tehran` or `Stand: 28. April 2023,
/// 05:00 Uhr`.
///
/// Without a label, the date must have a day, a month and a year. A place of at most two
/// capitalised words may precede the date with a comma, or follow a labelled date.
pub fn date_line(line: &str) -> Option<DateLine> {
    if !has_digit(line) {
        return None;
    }
    let tokens = tokens(line);
    let (mut label, mut numbers, mut month) = (false, 0, false);
    let mut unknown: Vec<(usize, &str)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Number { digits, .. } if *digits <= 4 => numbers += 1,
            Token::Number { .. } => return None,
            Token::Mark(c) if ",.:;/-–—|•·()[]+،，、：".contains(*c) => {}
            Token::Mark(_) => return None,
            Token::Word(text) => match word(text) {
                Some(Word::Label) => label = true,
                Some(Word::Month(_)) => month = true,
                Some(_) => {}
                // A place has at most two words.
                None if unknown.len() == 2 => return None,
                None => unknown.push((at, text)),
            },
        }
    }
    let date = iso(line);
    let timed = numbers >= 3 || month && numbers >= 1;
    if numbers == 0 || date.is_none() && !(label && timed) {
        return None;
    }
    let place = match unknown[..] {
        [] => None,
        _ if date.is_none() => return None,
        _ => {
            let capitals = unknown.iter().all(|(_, text)| text.starts_with(char::is_uppercase));
            let (first, last) = (unknown[0].0, unknown[unknown.len() - 1].0);
            let leads = first == 0 && last + 1 == unknown.len();
            let leads = leads && matches!(tokens.get(last + 1), Some(Token::Mark(',' | '،')));
            let ends = label && last + 1 == tokens.len() && first + unknown.len() == tokens.len();
            if !capitals || !(leads || ends) {
                return None;
            }
            Some(unknown.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(" "))
        }
    };
    Some(DateLine { date, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_parsed_in_many_languages() {
        let same = [
            "2017-07-05",
            "05.07.2017",
            "5 July 2017",
            "July 5, 2017",
            "Wed, 5th of July 2017 at 10:30 GMT",
            "5. Juli 2017",
            "5 juillet 2017",
            "5 de julio de 2017",
            "5 de julho de 2017",
            "5 luglio 2017",
            "5 juli 2017",
            "5 lipca 2017",
            "5 июля 2017 г.",
            "5 Temmuz 2017",
            "٥ يوليو ٢٠١٧",
            "2017年7月5日",
            "2017년 7월 5일",
            "5 जुलाई 2017",
        ];
        for text in same {
            assert_eq!(iso(text).as_deref(), Some("2017-07-05"), "{text}");
        }
        assert_eq!(iso("07/05/2017"), None, "two readings");
        assert_eq!(iso("25/07/2017").as_deref(), Some("2017-07-25"));
        assert_eq!(iso("1396/04/14"), None, "another calendar");
        assert_eq!(iso("in May he said 30 of 2017"), None);
    }

    #[test]
    fn lines_of_only_a_date_are_dates() {
        let place = |line: &str| date_line(line).unwrap().place;
        assert_eq!(place(" date 2017-07-05 Tehran").as_deref(), Some("Tehran"));
        assert_eq!(place("New Delhi, 5 July 2017").as_deref(), Some("New Delhi"));
        assert_eq!(place("Stand: 28. April 2023, 05:00 Uhr"), None);
        assert_eq!(place("기사입력 :[ 2018-09-28 17:32 ]"), None);
        assert_eq!(place("Published at 10:30 on 5 July"), None);
    }

    #[test]
    fn headlines_with_a_date_are_not_dates() {
        for line in [
            "Elections 5 July 2017",
            "2017",
            "Talks of 5 July 2017 fail",
            "May 68",
            "5 July",
            "9/11",
            "1:30",
            "Iran 2017-07-05 5+1",
            "Mars 2020",
            "10 of 12",
        ] {
            assert_eq!(date_line(line), None, "{line}");
        }
    }
}
