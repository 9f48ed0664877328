//! Pages and models for tests.

use crate::labelled::{Label, LabelledPage};
use crate::train::random::Random;
use crate::{Cues, Model, train};

pub(crate) const MENU: &[&str] = &[
    "Home",
    "News",
    "Sport",
    "Culture",
    "Log in",
    "Subscribe now",
    "Weather",
    "• Video",
    "Contact us",
];
const SUBJECTS: &[&str] =
    &["The mayor", "A spokesman", "The old mill", "Her neighbour", "The council", "A farmer"];
const VERBS: &[&str] = &[
    "said that the bridge",
    "wrote about how the harbour",
    "knew why the market",
    "hoped the school",
];
const ENDS: &[&str] = &[
    "would be open again in the spring.",
    "had been closed for more than two years.",
    "was the first of its kind in the country.",
    "will not be for sale, whatever the price.",
];

/// A page with a menu, an article and a footer; scraped text has less of the menu.
pub(crate) fn page(number: u64, scraped: bool) -> LabelledPage {
    let mut random = Random::new(&[number, 99]);
    let mut page = LabelledPage {
        id: format!("{number}-{scraped}"),
        source: "made".to_owned(),
        outlet: format!("outlet-{}.example", number % 12),
        language: "en".to_owned(),
        weight: 1.0,
        ..LabelledPage::default()
    };
    let mut add = |line: String, label: Label| {
        page.lines.push(line);
        page.labels.push(label);
    };
    for _ in 0..if scraped { 1 } else { 6 + random.below(10) } {
        add((*random.choose(MENU)).to_owned(), Label::Boilerplate);
    }
    let mut article = String::new();
    for _ in 0..5 + random.below(8) {
        let words = [random.choose(SUBJECTS), random.choose(VERBS), random.choose(ENDS)];
        let sentence = words.map(|word| *word).join(" ");
        article.push_str(&sentence);
        article.push('\n');
        add(sentence, Label::Article);
        if random.chance(0.5) {
            add(String::new(), Label::Neutral);
        }
    }
    add("Share this article".to_owned(), Label::Boilerplate);
    add(format!("© {} All rights reserved", 1990 + random.below(30)), Label::Boilerplate);
    page.gold = Some(article);
    page
}

pub(crate) fn pages(count: u64) -> Vec<LabelledPage> {
    (0..count).flat_map(|number| [page(number, false), page(number, true)]).collect()
}

pub(crate) fn cues() -> Cues {
    Cues::new([(0, "share this"), (1, "subscri*"), (2, "all rights reserved"), (3, "log in")])
        .expect("the cues are valid")
}

pub(crate) fn options() -> train::Options {
    train::Options { epochs: 12, word_outlets: 3, vocabulary: 40, folds: 3, ..Default::default() }
}

/// A model that was trained on made-up pages.
pub(crate) fn model() -> Model {
    let pages = pages(60);
    let (model, _) = train::train(&pages, &cues(), &options(), |_| ()).expect("it trains");
    model
}
