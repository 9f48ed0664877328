//! Properties that hold for every document, every stage and every order of stages.

use std::path::Path;
use std::sync::LazyLock;

use chaffinch_core::rules::{Search, acts_mid_article};
use chaffinch_core::stage::{Certainty, Document, Mark, Marks, Role, Rule, RuleId, Span, Stage};
use chaffinch_core::{Builder, Limits, Pipeline, Verdict};
use proptest::prelude::*;

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| Pipeline::shipped().unwrap());

/// A pipeline of only these stages, in this order.
fn chain(builder: Builder, stages: &[String]) -> Pipeline {
    let list: String = stages.iter().map(|stage| format!("  - {stage}\n")).collect();
    let text = if stages.is_empty() { "stages: []\n".into() } else { format!("stages:\n{list}") };
    builder.config("test.yaml", &text, Path::new("")).unwrap().build().unwrap()
}

/// Lines of many kinds: boilerplate, sentences, blank lines, unusual characters.
fn line() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "SHARE THIS ARTICLE",
        "News \u{a0} / \u{a0} Politics",
        "|\u{a0}|",
        "• Samba 65 00% 56.65%",
        "Facebook",
        "Twitter",
        "The minister told reporters on Tuesday that the talks would go on.",
        "EghtesadOnline: The bank kept its rates as they were on Tuesday.",
        "Source: Reuters",
        "It will conclude on Wednesday.—Agencies",
        "date 2017-07-05 Tehran",
        "Related articles",
        "Photo: AP/Jane Doe",
        "قال المتحدث باسم الوزارة يوم الثلاثاء إن المحادثات ستستأنف بعد أيام.",
        "المصدر: وكالات",
        "发言人星期二表示，共有七个代表团参加了本次会议，双方同意保持沟通。",
        "分享到微信",
        "Press TV News Roku",
        "www.presstv.co.uk",
        "Press TV’s website can also be accessed at the following alternate addresses:",
        "3 responses to “Talks”",
        "Leave a Reply",
        "Iranâ€™s cafÃ©",
        "as well as the\u{a0}UN Charter",
        "",
        "",
        "",
        " ",
        "\u{200b}",
        "© 2017 Example News. All rights reserved.",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "\\PC{0,40}", 1 => "[|•\u{a0}a .\u{301}]{0,12}"]
}

fn document() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec!["\n", "\n", "\n", "\r\n", "\r"]);
    (prop::collection::vec((line(), end), 0..24), any::<bool>()).prop_map(|(lines, ended)| {
        let mut text: String =
            lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]).collect();
        if !ended {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
        }
        text
    })
}

/// Makes the marks that a test gives it.
#[derive(Clone)]
struct Marker(Vec<(usize, usize, u8)>);

impl Stage for Marker {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for &(start, end, kind) in &self.0 {
            let (span, rule) = (Span::new(start, end), doc.own_rule());
            match kind {
                0 => marks.remove(span, rule),
                1 => marks.replace(span, "_", rule),
                2 => marks.note(span, rule, vec![("title".into(), "x".into())]),
                3 => marks.push(Mark {
                    span,
                    action: chaffinch_core::stage::Action::Keep,
                    rule,
                    fields: Vec::new(),
                    confidence: None,
                }),
                _ => marks.remove(span, RuleId(u32::MAX)),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // Invariant 1, for text and for arbitrary bytes.
    #[test]
    fn the_original_is_restored(text in document()) {
        let cleaned = PIPELINE.clean(text.as_bytes());
        prop_assert_eq!(cleaned.restore().unwrap(), text.as_bytes());
    }

    #[test]
    fn the_original_is_restored_from_any_bytes(text in document(), noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let mut bytes = text.into_bytes();
        for (at, byte) in noise {
            let at = at.index(bytes.len() + 1);
            bytes.insert(at, byte);
        }
        let cleaned = PIPELINE.clean(&bytes);
        prop_assert_eq!(cleaned.restore().unwrap(), bytes);
    }

    // Every edit names its rule, and the edits account for the cleaned text.
    #[test]
    fn edits_account_for_every_byte(text in document()) {
        let cleaned = PIPELINE.clean(text.as_bytes());
        let mut at = 0;
        let mut left = String::new();
        for edit in cleaned.edits() {
            prop_assert!(edit.span.start() >= at && !edit.span.is_empty());
            prop_assert!(PIPELINE.rules().has(edit.rule));
            left.push_str(&text[at..edit.span.start()]);
            left.push_str(&edit.with);
            at = edit.span.end();
        }
        left.push_str(&text[at..]);
        prop_assert_eq!(left, cleaned.text());
    }

    // The index finds the same hits as a loop over all rules.
    #[test]
    fn the_index_finds_what_the_loop_finds(text in document()) {
        let rules = PIPELINE.rules();
        let doc = Document::new(&text, rules, chaffinch_core::rules::key::key);
        let outlet = rules.outlet("presstv").unwrap();
        let mut near = Vec::new();
        for line in doc.lines() {
            for unit in [None, Some(outlet)] {
                let shown = |hits: Vec<chaffinch_core::stage::Hit>| {
                    hits.into_iter().map(|h| (h.rule, h.span, h.role, h.fields)).collect::<Vec<_>>()
                };
                // The ends of blocks are found separately.
                let all = rules.find_naively(unit, line);
                let (ends, all): (Vec<_>, Vec<_>) =
                    all.into_iter().partition(|hit| hit.role == Role::Through);
                for end in ends {
                    let found = rules.find_end(end.rule, line).map(|hit| hit.span);
                    prop_assert_eq!(found, Some(end.span));
                }
                let inside = all.iter().filter(|hit| acts_mid_article(rules.rule(hit.rule)));
                let inside = shown(inside.cloned().collect());
                let mut find = |mid_article, all_languages| {
                    let search = Search { mid_article, all_languages };
                    shown(rules.find(unit, line, search, &mut near))
                };
                // Of the languages of a rule, the first hit is enough.
                let (all, some) = (shown(all), find(false, false));
                let template = |rule| rules.rule(rule).id.rsplit_once('/').map(|(id, _)| id);
                for hit in all.iter().filter(|hit| !some.contains(hit)) {
                    let (rule, span, role, fields) = hit;
                    let same = |other: &&(RuleId, Span, Role, Vec<_>)| {
                        (other.1, other.2, &other.3) == (*span, *role, fields)
                            && template(other.0) == template(*rule)
                    };
                    prop_assert!(*role == Role::Line && fields.is_empty());
                    prop_assert!(some.iter().find(same).is_some_and(|first| first.0 < *rule));
                }
                prop_assert!(some.iter().all(|hit| all.contains(hit)));
                prop_assert_eq!(find(true, true), inside);
                prop_assert_eq!(find(false, true), all);
            }
        }
    }
}

/// "Copyright" is in the lists of several languages.
#[test]
fn a_rule_in_several_languages_has_one_hit_in_a_line() {
    let rules = PIPELINE.rules();
    let doc = Document::new("Copyright 2024\n", rules, chaffinch_core::rules::key::key);
    let hits = |all_languages| {
        let search = Search { all_languages, ..Search::default() };
        let hits = rules.find(None, doc.line(0), search, &mut Vec::new());
        let ids = hits.into_iter().map(|hit| rules.rule(hit.rule).id.as_str());
        let lists = ids.filter(|id| id.starts_with("generic/site-footer/copyright/"));
        lists.collect::<Vec<_>>()
    };
    assert!(hits(true).len() > 1);
    assert_eq!(hits(false), hits(true)[..1]);
}

proptest! {
    // Each case builds its own pipeline, which is slow.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    // Invariants 1 to 3 for arbitrary marks: invalid ones are rejected and counted.
    #[test]
    fn any_marks_are_safe(
        text in "[a-cé\u{a0}’ \n\r]{0,30}",
        marks in prop::collection::vec((0usize..40, 0usize..40, 0u8..5), 0..8),
    ) {
        let wanted = marks.clone();
        let builder = Pipeline::builder()
            .limits(Limits::without_caps())
            .register("marker", move |_| Ok(Marker(marks.clone())));
        let pipeline = chain(builder, &["marker".into()]);
        let cleaned = pipeline.clean(text.as_bytes());
        prop_assert_eq!(cleaned.restore().unwrap(), text.as_bytes());
        let valid = |(start, end, kind): &(usize, usize, u8)| {
            let span = Span::new(*start, *end);
            let part = text.get(span.range());
            *kind < 4 && part.is_some() && (*kind == 2 || !span.is_empty())
                && (*kind != 1 || !part.unwrap_or_default().contains(['\n', '\r']))
        };
        let bad = wanted.iter().filter(|mark| !valid(mark)).count();
        prop_assert_eq!(bad > 0, !cleaned.refused().is_empty());
        // The text covered by a valid `keep` mark is kept, whatever marks follow.
        if let Some((start, end, 3)) = wanted.iter().find(|mark| valid(mark)).copied() {
            let kept = Span::new(start, end);
            let cut = cleaned.edits().iter().find(|edit| edit.span.overlaps(kept));
            let only_line_ends = cut.is_none_or(|edit| text[edit.span.range()].trim().is_empty());
            prop_assert!(only_line_ends, "{cut:?} cuts what is kept");
        }
    }

    // Any stages in any order.
    #[test]
    fn any_order_of_stages_restores(
        text in document(),
        order in Just(chaffinch_stages::STAGES.iter().map(|s| s.name.to_owned()).collect::<Vec<_>>()).prop_shuffle(),
        count in 0usize..16,
    ) {
        let pipeline = chain(Pipeline::builder().limits(Limits::without_caps()), &order[..count]);
        let cleaned = pipeline.clean(text.as_bytes());
        prop_assert_eq!(cleaned.restore().unwrap(), text.as_bytes());
        prop_assert!(count > 0 || cleaned.edits().is_empty());
    }
}

/// Boilerplate surrounds this article in many ways. The article itself never changes.
#[test]
fn the_article_is_unchanged_whatever_surrounds_it() {
    let article = "Talks to go on\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nA subheading\n\nOfficials from seven countries took part in the meeting, which was held behind closed doors.";
    let above =
        ["", "News / Politics\n\n", "|  |\n\n", "Home > World\n\n", "Share on Facebook\n\n"];
    let below = [
        "",
        "\n\nSHARE THIS ARTICLE",
        "\n\n© 2017 Example News. All rights reserved.",
        "\n\nSource: Reuters\n\nTags: talks, peace",
        "\n\nRelated articles\nSeven killed in clash\nRain on Sunday",
    ];
    for top in above {
        for bottom in below {
            let text = format!("{top}{article}{bottom}");
            let cleaned = PIPELINE.clean(text.as_bytes());
            assert_eq!(cleaned.text(), article, "around it: {top:?} {bottom:?}");
        }
    }
}

// Invariant 3.
#[test]
fn keep_rules_win_over_everything() {
    let folder = tempfile("keep");
    let rule = "outlet: stet\nrules:\n  - {id: stay, stage: share-buttons, where: anywhere, text: SHARE THIS ARTICLE, action: keep, keeps: [x]}\n";
    std::fs::write(folder.join("stet.yaml"), rule).unwrap();
    let text = b"The minister told reporters on Tuesday that the talks would go on.\n\nSHARE THIS ARTICLE\nPrint\n";
    let build = |outlet: Option<&str>| {
        let builder = Pipeline::builder().rules(&folder);
        outlet.map_or_else(Pipeline::builder, |outlet| builder.outlet(outlet)).build().unwrap()
    };
    assert!(!build(None).clean(text).text().contains("SHARE"));
    assert!(build(Some("stet")).clean(text).text().ends_with("SHARE THIS ARTICLE\n"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn each_byte_is_credited_to_the_first_stage_that_marked_it() {
    let builder = Pipeline::builder()
        .limits(Limits::without_caps())
        .register("first", |_| Ok(Marker(vec![(2, 4, 0)])))
        .register("second", |_| Ok(Marker(vec![(0, 6, 0)])));
    let pipeline = chain(builder, &["first".into(), "second".into()]);
    let cleaned = pipeline.clean(b"abcdefgh");
    let rule = |id: RuleId| pipeline.rules().rule(id).id.as_str();
    let edits: Vec<_> = cleaned.edits().iter().map(|e| (e.span.range(), rule(e.rule))).collect();
    assert_eq!(edits, [(0..2, "stage/second"), (2..4, "stage/first"), (4..6, "stage/second")]);
}

#[test]
fn a_stage_that_asks_is_called_again_though_nothing_changed() {
    struct Second {
        asks: bool,
    }
    impl Stage for Second {
        fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
            if doc.is_called_again() {
                marks.remove(doc.line(doc.line_count() - 1).span(), doc.own_rule());
            } else if self.asks {
                marks.call_again();
            }
        }
    }
    for asks in [true, false] {
        let builder = Pipeline::builder().register("second", move |_| Ok(Second { asks }));
        let pipeline = chain(builder, &["second".into()]);
        let text =
            "Title\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nEnd";
        assert_eq!(pipeline.clean(text.as_bytes()).edits().len(), usize::from(asks));
    }
}

// Invariant 7.
#[test]
fn a_stage_that_panics_affects_only_its_document() {
    struct Clumsy;
    impl Stage for Clumsy {
        fn mark(&self, doc: &Document<'_>, _: &mut Marks) {
            assert!(!doc.source().contains("trip"), "tripped");
        }
    }
    let builder = Pipeline::builder().register("clumsy", |_| Ok(Clumsy));
    let pipeline = chain(builder, &["share-buttons".into(), "clumsy".into()]);
    let good =
        "The minister told reporters on Tuesday that the talks would go on.\n\nSHARE THIS ARTICLE";
    let bad = format!("{good}\ntrip");
    let inputs = [good, &bad, good]
        .map(|text| chaffinch_core::Input { bytes: text.as_bytes(), ..Default::default() });
    let cleaned = pipeline.clean_all(&inputs);
    assert_eq!(
        cleaned.iter().map(|c| c.verdict()).collect::<Vec<_>>(),
        [Verdict::Cleaned, Verdict::Failed, Verdict::Cleaned]
    );
    assert_eq!(cleaned[1].output(), bad.as_bytes());
    assert_eq!(cleaned[1].reason(), Some("stage \"clumsy\" failed: tripped"));
    assert_eq!(cleaned[0].text(), cleaned[2].text());
}

#[test]
fn options_that_are_off_by_default_can_be_enabled() {
    let on = "normalise: {nfc: true, line_ends: true, quotes: true}".to_owned();
    let text = "“Cafe\u{301}” it’s called.\r\nIt’s open.\r\n";
    let cleaned = chain(Pipeline::builder(), &[on]).clean(text.as_bytes()).text().to_owned();
    assert_eq!(cleaned, "\"Café\" it's called.\nIt's open.\n");
    let off = chain(Pipeline::builder(), &["normalise".to_owned()]);
    assert_eq!(off.clean(text.as_bytes()).text(), text);
}

#[test]
fn generic_rules_of_other_languages_are_left_out() {
    let folder = tempfile("languages");
    std::fs::create_dir_all(folder.join("generic")).unwrap();
    let rule = |language: &str, text: &str| {
        format!(
            "  - {{id: {language}, language: {language}, safe: true, text: {text}, keeps: [x]}}\n"
        )
    };
    let file =
        format!("generic: promo\nrules:\n{}{}", rule("de", "Anzeige"), rule("fr", "Publicité"));
    std::fs::write(folder.join("generic/promo.yaml"), file).unwrap();
    let text =
        "Die Ministerin sagte am Dienstag, dass die Gespräche weitergehen.\nAnzeige\nPublicité\n";
    let clean = |languages: &str| {
        let builder = Pipeline::builder().rules(&folder);
        let config = format!("languages: {languages}\n");
        let pipeline =
            builder.config("test.yaml", &config, Path::new("")).unwrap().build().unwrap();
        pipeline.clean(text.as_bytes()).text().lines().count()
    };
    assert_eq!((clean("all"), clean("[de]"), clean("[en]")), (1, 2, 3));
    std::fs::remove_dir_all(folder).unwrap();
}

// Invariant 6: a document over the limit is not examined at all.
#[test]
fn documents_over_the_limit_pass_through() {
    let limits = Limits { document_bytes: 100, ..Limits::default() };
    let pipeline = Pipeline::builder().limits(limits).build().unwrap();
    let long = "SHARE THIS ARTICLE\n".repeat(10);
    let cleaned = pipeline.clean(long.as_bytes());
    assert_eq!((cleaned.verdict(), cleaned.output()), (Verdict::Failed, long.as_bytes()));
    assert_eq!(cleaned.restore().unwrap(), long.as_bytes());
}

#[test]
fn one_line_of_sixty_megabytes_is_cleaned_and_restored() {
    let sentence = "The minister told reporters on Tuesday that the talks would go on. ";
    let text = format!("News / Politics\n\nTalks to go on\n\n{}", sentence.repeat(900_000));
    assert!(text.len() > 60_000_000);
    let cleaned = PIPELINE.clean(text.as_bytes());
    assert_eq!(cleaned.fields().get("section"), Some("Politics"));
    assert!(cleaned.restore().unwrap() == text.as_bytes());
}

#[test]
fn documents_of_every_encoding_are_cleaned_and_restored() {
    let samples = [
        (
            "windows-1256",
            "قال المتحدث باسم الوزارة يوم الثلاثاء إن المحادثات ستستأنف بعد أيام بمشاركة جميع الأطراف.",
            "المصدر: وكالات",
        ),
        (
            "windows-1251",
            "Во вторник представитель министерства сообщил, что в переговорах приняли участие семь делегаций.",
            "Поделиться",
        ),
        (
            "shift_jis",
            "火曜日の会見で報道官は、協議には七つの代表団が参加したと述べました。今後も続きます。",
            "シェアする",
        ),
        (
            "gb18030",
            "发言人星期二表示，共有七个代表团参加了本次会议，双方同意继续保持沟通。",
            "版权所有 未经许可不得转载",
        ),
        (
            "euc-kr",
            "대변인은 화요일 기자회견에서 이번 회의에 일곱 개 대표단이 모두 참석했다고 밝혔다.",
            "공유하기",
        ),
        (
            "iso-8859-2",
            "Rzecznik ministerstwa powiedział we wtorek, że rozmowy będą kontynuowane w najbliższych dniach. Żądania są różne.",
            "Udostępnij",
        ),
        (
            "utf-16le",
            "The minister told reporters on Tuesday that the talks would go on.",
            "SHARE THIS ARTICLE",
        ),
        (
            "utf-16be",
            "The minister told reporters on Tuesday that the talks would go on.",
            "SHARE THIS ARTICLE",
        ),
    ];
    for (label, body, chaff) in samples {
        for end in ["\n", "\r\n", "\r"] {
            let text = [body, "", body, "", chaff, ""].join(end);
            let bytes: Vec<u8> = match label {
                "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                _ => chaffinch_core::Encoding::for_label(label.as_bytes())
                    .unwrap()
                    .encode(&text)
                    .0
                    .into_owned(),
            };
            let cleaned = PIPELINE.clean(&bytes);
            assert_eq!(cleaned.restore().unwrap(), bytes, "{label} {end:?}");
            assert!(
                !cleaned.text().contains(chaff),
                "{label} read as {}",
                cleaned.coding().encoding
            );
            assert!(
                cleaned.text().ends_with(&format!("{body}{end}")),
                "{label} {end:?}: {:?}",
                cleaned.text()
            );
        }
    }
}

#[test]
fn unusual_documents_are_restored() {
    let binary: Vec<u8> =
        (0..4096u32).map(|i| (i * i % 251) as u8 & if i % 3 == 0 { 0 } else { 255 }).collect();
    let documents: [&[u8]; 8] = [
        b"",
        b"\n",
        b"\r\n\r\n\r\n",
        b"no final line end",
        b"\xef\xbb\xbfSHARE THIS ARTICLE",
        b"\xff\xfe",
        b"mixed \xe2\x80\x99 and \x92 quotes \xc3",
        &binary,
    ];
    for bytes in documents {
        assert_eq!(PIPELINE.clean(bytes).restore().unwrap(), bytes);
    }
    assert_eq!(PIPELINE.clean(&binary).verdict(), Verdict::Failed);
    assert_eq!(PIPELINE.clean(&binary).output(), binary);
}

#[test]
fn cuts_of_most_of_the_body_are_dropped() {
    let body = "The minister told reporters on Tuesday that the talks would go on.\n\n";
    let article = body.repeat(6);
    // A third-party stage that would remove most of the document.
    let eater = |from: usize, to: usize| {
        let builder =
            Pipeline::builder().register("eater", move |_| Ok(Marker(vec![(from, to, 0)])));
        chain(builder, &["eater".into()])
    };
    let total = eater(0, article.len() - 70);
    let cleaned = total.clean(article.as_bytes());
    assert_eq!((cleaned.verdict(), cleaned.text()), (Verdict::Suspect, article.as_str()));
    let inside = eater(body.len(), body.len() * 2);
    let cleaned = inside.clean(article.as_bytes());
    assert_eq!((cleaned.verdict(), cleaned.text()), (Verdict::Suspect, article.as_str()));
    assert!(cleaned.reason().unwrap().starts_with("generic rules would cut"));
    let all = eater(0, article.len());
    assert_eq!(all.clean(b"Gone").text(), "Gone");
}

/// Removes a span, with this certainty.
struct Remover(Certainty, Span);

impl Stage for Remover {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.remove(self.1, doc.own_rule());
    }

    fn own_rule(&self, stage: &str) -> Rule {
        Rule { certainty: self.0, ..Rule::new(format!("stage/{stage}"), stage) }
    }
}

#[test]
fn the_least_certain_cuts_are_dropped_first_and_sure_ones_never() {
    let body = |number: usize| {
        format!("The minister said on day {number:02} that the talks would go on.\n\n")
    };
    let article: String = (0..14).map(body).collect();
    // Of each, one paragraph of fourteen: together more than a tenth.
    let length = body(0).len();
    let span = move |number: usize| Span::new(number * length, (number + 1) * length);
    let clean = |certainties: &[Certainty]| {
        let mut builder = Pipeline::builder();
        let names: Vec<String> = (0..certainties.len()).map(|at| format!("remover{at}")).collect();
        for (at, (name, &certainty)) in names.iter().zip(certainties).enumerate() {
            builder = builder.register(name, move |_| Ok(Remover(certainty, span(2 + 3 * at))));
        }
        let cleaned = chain(builder, &names).clean_text(&article, None);
        let left: Vec<bool> =
            (0..certainties.len()).map(|at| cleaned.text().contains(&body(2 + 3 * at))).collect();
        (cleaned.verdict(), left)
    };
    use Certainty::{Guess, Likely, Sure};
    assert_eq!(clean(&[Likely]), (Verdict::Cleaned, vec![false]));
    assert_eq!(clean(&[Guess, Likely]), (Verdict::Suspect, vec![true, false]));
    assert_eq!(clean(&[Likely, Guess]), (Verdict::Suspect, vec![false, true]));
    assert_eq!(clean(&[Sure, Guess, Likely]), (Verdict::Suspect, vec![false, true, false]));
    assert_eq!(clean(&[Sure, Sure, Sure]), (Verdict::Cleaned, vec![false; 3]));
}

/// Damage is measured on the body before the cuts, and a cut that continues below the body counts.
#[test]
fn a_cut_of_the_last_paragraph_counts_as_damage() {
    let body = "The minister told reporters on Tuesday that the talks would go on.\n\n";
    let article = format!("{}A footer\n", body.repeat(6));
    for end in [body.len() * 6 - 2, body.len() * 6, article.len()] {
        let span = Span::new(body.len() * 5, end);
        let builder =
            Pipeline::builder().register("remover", move |_| Ok(Remover(Certainty::Likely, span)));
        let pipeline = chain(builder, &["remover".into()]);
        let cleaned = pipeline.clean_text(&article, None);
        assert_eq!((cleaned.verdict(), cleaned.text()), (Verdict::Suspect, article.as_str()));
    }
}

#[test]
fn titles_that_begin_like_boilerplate_are_kept() {
    let body = "The minister told reporters on Tuesday that the talks would resume after a pause of two days.\n\n";
    for title in [
        "Read also: Ministers resume talks on Tuesday",
        "Photo: Ministers and Reporters",
        "Alle Rechte vorbehalten: talks resume",
    ] {
        let article = format!("{title}\n\n{}", body.repeat(4));
        assert_eq!(PIPELINE.clean_text(&article, None).text(), article);
        let below = format!("Minister to resume talks\n\n{}{title}\n", body.repeat(4));
        assert!(!PIPELINE.clean_text(&below, None).text().contains(title), "{title}");
    }
}

/// Removes the last line unless all six sentences are left.
struct Judge;

impl Stage for Judge {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        let last = doc.lines().rfind(|line| !line.is_blank());
        if let Some(last) = last.filter(|_| doc.body_lines().count() < 6) {
            marks.remove_judged(last.span(), doc.own_rule(), 99);
        }
    }

    fn judges(&self) -> bool {
        true
    }
}

#[test]
fn stages_judge_the_document_as_it_is_after_cuts_are_dropped() {
    let body = "The minister told reporters on Tuesday that the talks would go on.\n\n";
    let article = format!("{}Stays with six\n", body.repeat(6));
    let marker = Marker(vec![(body.len(), body.len() * 2, 0)]);
    let builder = Pipeline::builder()
        .register("eater", move |_| Ok(marker.clone()))
        .register("judge", |_| Ok(Judge));
    let pipeline = chain(builder, &["eater".into(), "judge".into()]);
    let cleaned = pipeline.clean(article.as_bytes());
    assert_eq!((cleaned.verdict(), cleaned.text()), (Verdict::Suspect, article.as_str()));
    assert!(cleaned.reason().unwrap().starts_with("generic rules would cut"));
}

#[test]
fn outlets_are_detected_by_host_then_path_then_signs_and_ties_by_none() {
    let folder = tempfile("tie");
    for (name, sign) in [("one", "One sign of it"), ("two", "Two signs of it")] {
        let file = format!(
            "outlet: {name}\nrecognise: {{hosts: [{name}.org, shared.org], paths: ['**/{name}/**'], signs: ['{sign}', 'Both have this']}}\nextends: [both]\n"
        );
        std::fs::write(folder.join(format!("{name}.yaml")), file).unwrap();
    }
    std::fs::write(folder.join("both.yaml"), "family: both\n").unwrap();
    std::fs::write(
        folder.join("three.yaml"),
        "outlet: three\nrecognise: {signs: ['Both have this']}\n",
    )
    .unwrap();
    let pipeline = Pipeline::builder().rules(&folder).build().unwrap();
    let outlet = |url: Option<&str>, path: Option<&str>, text: &str| {
        let cleaned = pipeline.clean_input(&chaffinch_core::Input {
            bytes: text.as_bytes(),
            url,
            path,
            ..Default::default()
        });
        cleaned.outlet().map(|(outlet, how)| format!("{outlet} by {}", how.as_str()))
    };
    let sign = "One sign of it\n";
    assert_eq!(
        outlet(Some("https://www.Two.org:80/x"), Some("a/one/b"), sign).as_deref(),
        Some("two by host")
    );
    assert_eq!(outlet(None, Some("a/two/b.txt"), sign).as_deref(), Some("two by path"));
    assert_eq!(outlet(None, None, sign).as_deref(), Some("one by signs"));
    assert_eq!(
        outlet(Some("http://shared.org"), None, "").as_deref(),
        Some("both by host"),
        "a family's tie"
    );
    assert_eq!(outlet(None, None, "Both have this"), None, "no common family");
    assert_eq!(outlet(None, None, "One sign of it, not at all\n"), Some("one by signs".into()));
    assert_eq!(outlet(None, None, "There was One sign of it inside\n"), None);
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempfile(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("chaffinch-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
