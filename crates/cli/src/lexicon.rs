//! `chaffinch rules lexicon`: shows the lists of cue words that patterns refer to.

use std::fmt::Write;

use chaffinch_report::visible;
use chaffinch_rules::lexicon::{Entries, Form, KINDS, Kind, Lexicon, kind, shapes};
use chaffinch_rules::yaml;
use serde_json::{Map, Value, json};

use crate::args::{LexiconArgs, ListFormat};
use crate::failure::Failure;
use crate::{print, setup};

pub(crate) fn run(args: &LexiconArgs) -> Result<u8, Failure> {
    let pipeline = setup::pipeline(&args.rules)?;
    let lexicon = pipeline.rules().lexicon();
    if let Some(code) = &args.language
        && lexicon.language(code).is_none()
    {
        let codes: Vec<&str> = lexicon.languages().iter().map(|l| l.code.as_str()).collect();
        let help = yaml::expected(code, &codes);
        return Err(Failure::Usage(format!("--language: unknown language \"{code}\"; {help}")));
    }
    let wanted = match args.kind.as_deref().map(|name| name.trim_matches(['{', '}'])) {
        None => None,
        Some(name) => Some(kind(name).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let help = yaml::expected(name, &names);
            Failure::Usage(format!("unknown kind \"{name}\"; {help}"))
        })?),
    };
    let language = args.language.as_deref();
    let text = match (args.format, wanted, language) {
        (ListFormat::Json, ..) => format!("{}\n", for_programs(lexicon, wanted, language)),
        (ListFormat::Text, None, None) => overview(lexicon),
        (ListFormat::Text, ..) => entries(lexicon, wanted, language),
    };
    print(text.as_bytes())
}

/// How patterns use the lists of a kind.
fn form(kind: &Kind) -> &'static str {
    match kind.form {
        Form::Line => "line",
        Form::Notice => "notice",
        Form::Label => "label",
        Form::Slot => "slot",
        Form::Word => "word",
        Form::Name => "name",
        Form::Hint => "hint",
    }
}

fn overview(lexicon: &Lexicon) -> String {
    let mut text = String::from("kinds\n");
    for (at, kind) in KINDS.iter().enumerate() {
        let all = lexicon.languages().iter().filter_map(|language| language.kinds.get(&at));
        let counts = all.map(Entries::phrase_count);
        let (languages, phrases) = counts.fold((0, 0), |(n, sum), count| (n + 1, sum + count));
        let name = format!("{{{}}}", kind.name);
        let (form, doc) = (form(kind), kind.doc);
        let _ = writeln!(
            text,
            "  {name:<18} {form:<7} {languages:>3} languages {phrases:>6} phrases  {doc}"
        );
    }
    text.push_str("\nshapes\n");
    for (name, meaning) in shapes() {
        let _ = writeln!(text, "  {:<18} {meaning}", format!("{{{name}}}"));
    }
    text.push_str("\nlanguages\n");
    for language in lexicon.languages() {
        let phrases: usize = language.kinds.values().map(|entries| entries.phrase_count()).sum();
        let (code, name) = (&language.code, visible(&language.name));
        let file = visible(&language.file);
        let _ = writeln!(text, "  {code:<4} {name:<16} {phrases:>6} phrases  {file}");
    }
    text
}

/// The entries of a kind by language, or of a language by kind.
fn entries(lexicon: &Lexicon, wanted: Option<usize>, language: Option<&str>) -> String {
    let mut text = String::new();
    for (at, kind) in KINDS.iter().enumerate() {
        let mut of_kind = String::new();
        for (code, written) in written(lexicon, at, language) {
            let shown = visible(&written.join(" | ")).into_owned();
            let _ = writeln!(of_kind, "  {code:<4} {shown}");
        }
        if wanted.is_none_or(|wanted| wanted == at) && !of_kind.is_empty() {
            let _ = writeln!(text, "{{{}}}  {}\n{of_kind}", kind.name, kind.doc);
        }
    }
    let length = text.trim_end().len();
    text.truncate(length);
    text.push('\n');
    text
}

fn for_programs(lexicon: &Lexicon, wanted: Option<usize>, language: Option<&str>) -> Value {
    let kinds = KINDS.iter().enumerate();
    let kinds = kinds.filter(|(at, _)| wanted.is_none_or(|wanted| wanted == *at));
    let kind = |(at, kind): (usize, &Kind)| {
        let by_language = written(lexicon, at, language);
        let by_language = by_language.map(|(code, written)| (code.to_owned(), json!(written)));
        (kind.name.to_owned(), Value::Object(by_language.collect()))
    };
    Value::Object(kinds.map(kind).collect::<Map<String, Value>>())
}

/// The entries of a kind, as written in the files of the languages.
fn written<'l>(
    lexicon: &'l Lexicon,
    kind: usize,
    language: Option<&'l str>,
) -> impl Iterator<Item = (&'l str, &'l [String])> {
    let all = lexicon.languages().iter();
    all.filter(move |own| language.is_none_or(|code| own.code == code))
        .filter_map(move |own| Some((own.code.as_str(), own.kinds.get(&kind)?.written.as_slice())))
}
