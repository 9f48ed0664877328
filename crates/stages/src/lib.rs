//! The built-in stages, one file each, and the table that lists them.
//!
//! Code expresses structure, such as a run of lines or a heading with its list; rule files contain
//! words. A stage marks the hits of its own rules. It then looks for structure that no pattern can
//! express, if a rule enables that with `detect: NAME`.

mod captions;
mod credits;
mod dateline;
mod debris;
mod duplicates;
mod hits;
mod lines;
mod navigation;
mod normalise;
mod promo;
mod related;
mod run;
mod share_buttons;
mod tags;
mod ticker;
mod title;

#[cfg(test)]
mod testing;

use chaffinch_stage::{Options, OptionsError, Stage};

pub use captions::Captions;
pub use credits::Credits;
pub use dateline::Dateline;
pub use debris::Debris;
pub use duplicates::Duplicates;
pub use hits::Hits;
pub use lines::{Lines, MODEL_RULE};
pub use navigation::Navigation;
pub use normalise::Normalise;
pub use promo::Promo;
pub use related::Related;
pub use share_buttons::ShareButtons;
pub use tags::Tags;
pub use ticker::Ticker;
pub use title::Title;

/// A built-in stage.
pub struct BuiltIn {
    /// The name in pipeline files and rule files.
    pub name: &'static str,
    /// A short description of what it finds.
    pub finds: &'static str,
    /// The detectors that its rules can enable.
    pub detectors: &'static [&'static str],
    /// Makes the stage from its settings.
    pub make: fn(&mut Options) -> Result<Box<dyn Stage>, OptionsError>,
}

macro_rules! stages {
    ($($name:literal, $finds:literal, $detectors:expr, $make:expr;)*) => {
        &[$(BuiltIn { name: $name, finds: $finds, detectors: &$detectors, make: |options| {
            let make: fn(&mut Options) -> Result<_, OptionsError> = $make;
            Ok(Box::new(make(options)?))
        } }),*]
    };
}

/// The built-in stages, in the default order of the chain.
pub static STAGES: &[BuiltIn] = stages! {
    "normalise", "no-break spaces, invisible characters, mojibake", ["nbsp", "invisible", "mojibake"], Normalise::new;
    "debris", "lines of pipes, bullets and rules; [+], [edit]", ["separators"], |_| Ok(Debris);
    "ticker", "market tables and widgets at an edge", ["table"], Ticker::new;
    "navigation", "breadcrumbs, menus, pagination, log-in; section labels by outlet", ["breadcrumb", "menu"], Navigation::new;
    "title", "the title, which is kept; copies of it with the site's name appended", ["title", "suffixed-copy"], |_| Ok(Title);
    "dateline", "lines of date and place, published and updated, reading time", ["date-line"], |_| Ok(Dateline);
    "credits", "agency lines and suffixes, outlet prefixes, bylines, staff credits", [], |_| Ok(Credits);
    "captions", "photo captions and credits", ["alternative-text", "cut-short", "caption"], |_| Ok(Captions);
    "share-buttons", "share, follow, apps, counters, reader tools", ["button-row"], |_| Ok(ShareButtons);
    "related", "read more, related, most read, link and media hints", ["list", "teasers", "box"], |_| Ok(Related);
    "promo", "newsletters, advertisements, paywalls, donations, tip lines", [], |_| Ok(Promo);
    "comments", "prompts, counts and blocks of comments", [], |_| Ok(Hits);
    "tags", "tag lines", ["tag-line"], |_| Ok(Tags);
    "mirror-urls", "notices of alternate addresses; bare addresses at the edges", [], |_| Ok(Hits);
    "site-footer", "copyright, legal, policy and browser notices; self-descriptions by outlet", [], |_| Ok(Hits);
    "duplicates", "isolated lines at an edge that copy a sentence of the body", ["copy"], Duplicates::new;
    "lines", "lines that a learned model classifies as boilerplate", [], Lines::new;
};
