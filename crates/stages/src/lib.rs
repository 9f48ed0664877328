//! The built-in stages, one file each, and the one table that names them.
//!
//! Code holds structure (a run of lines, a heading with its list); rule files hold words. A stage
//! marks what its own rules hit, then looks for the structure that no pattern can tell, if a rule
//! switches that on (`detect: NAME`).

mod captions;
mod credits;
pub mod date;
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
pub use lines::Lines;
pub use navigation::Navigation;
pub use normalise::Normalise;
pub use promo::Promo;
pub use related::Related;
pub use share_buttons::ShareButtons;
pub use tags::Tags;
pub use ticker::Ticker;
pub use title::Title;

/// A built-in stage: its name, what it finds, how it is made.
pub struct BuiltIn {
    /// The name in pipeline and rule files.
    pub name: &'static str,
    /// What it finds, in a line.
    pub finds: &'static str,
    /// The detectors that its rules can switch on.
    pub detectors: &'static [&'static str],
    /// Makes it from its settings.
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
    "normalise", "no-break spaces, invisible characters, mojibake: each a recorded edit", ["nbsp", "invisible", "mojibake"], Normalise::new;
    "debris", "lines of pipes, bullets and rules; [+], [edit]", ["separators"], |_| Ok(Debris);
    "ticker", "market tables and widgets at an edge", ["table"], Ticker::new;
    "navigation", "breadcrumbs, menus, pagination, log-in; section labels by outlet", ["breadcrumb", "menu"], Navigation::new;
    "title", "the title, which stays; the same title with the site's name behind it", ["title", "suffixed-copy"], |_| Ok(Title);
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
    "duplicates", "set-apart lines at an edge that copy a sentence of the body", ["copy"], Duplicates::new;
    "lines", "lines that a learned model takes for boilerplate", [], Lines::new;
};
