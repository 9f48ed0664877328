use std::fmt;

/// The place of a rule in a pipeline's table of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// Where the rules of a pipeline are looked up.
pub trait Table: Sync {
    /// The rule behind an id.
    ///
    /// # Panics
    /// The id is another table's.
    fn rule(&self, id: RuleId) -> &Rule;
}

impl<T: AsRef<[Rule]> + Sync> Table for T {
    fn rule(&self, RuleId(id): RuleId) -> &Rule {
        &self.as_ref()[id as usize]
    }
}

/// What a stage may know of a rule: everything but its pattern.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The full id, such as `presstv/breadcrumb` or `generic/share-buttons/en-share`.
    pub id: String,
    /// The stage that judges the rule's hits.
    pub stage: String,
    /// Where the rule comes from; decides who goes first within a stage.
    pub tier: Tier,
    /// Where in a document the rule may act.
    pub place: Place,
    /// Which non-blank line of its place, counted in the source.
    pub at: Option<At>,
    /// What a hit becomes.
    pub act: Act,
    /// The most non-blank lines that a block may have.
    pub max_lines: usize,
    /// The most words that a hit line may have.
    pub max_words: Option<usize>,
    /// Safe without a body line to lean on: the hit cannot be part of an article wherever it
    /// stands alone on a line.
    pub safe: bool,
    /// How sure it is that a hit is boilerplate. The damage cap drops the least certain cuts first.
    pub certainty: Certainty,
    /// The structural detector that the rule switches on, for rules that have no pattern.
    pub detect: Option<String>,
    /// Fields with a fixed value, noted with every mark of the rule.
    pub fields: Vec<(String, String)>,
}

impl Rule {
    /// A rule that removes whole lines at the edges, for tests and for stages without rule files.
    pub fn new(id: impl Into<String>, stage: impl Into<String>) -> Rule {
        Rule {
            id: id.into(),
            stage: stage.into(),
            tier: Tier::Generic,
            place: Place::Edges,
            at: None,
            act: Act::Remove,
            max_lines: 1,
            max_words: None,
            safe: false,
            certainty: Certainty::Likely,
            detect: None,
            fields: Vec::new(),
        }
    }
}

/// How sure it is that what a rule removes is boilerplate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// The surrounding lines suggest it.
    Guess,
    /// The words say so, but a sentence of an article may use them.
    Likely,
    /// The shape of the line leaves no doubt; the damage cap never drops it.
    Sure,
}

/// Where a rule comes from. Within a stage, outlets go before families, families before generic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The file of one outlet.
    Outlet,
    /// A file that outlets extend.
    Family,
    /// A file for all outlets, or a stage's own finding.
    Generic,
}

/// Where in a document a rule may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Before the first body line, or among the first three lines that are not blank.
    Head,
    /// After the last body line, or among the last three lines that are not blank.
    Tail,
    /// Head or tail.
    Edges,
    /// The first body line.
    Opening,
    /// The last body line.
    Closing,
    /// Edges, opening and closing: where the ends of lines are cut by default.
    Rims,
    /// From the first to the last body line.
    Body,
    /// Everywhere.
    Anywhere,
}

impl fmt::Display for Place {
    /// As rule files have it; for the default of line ends, what it stands for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Head => "head",
            Place::Tail => "tail",
            Place::Edges => "edges",
            Place::Opening => "opening",
            Place::Closing => "closing",
            Place::Rims => "edges, opening and closing",
            Place::Body => "body",
            Place::Anywhere => "anywhere",
        })
    }
}

/// Which non-blank line of its place a rule means, counted in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// The Nth from the top, from 1.
    Nth(usize),
    /// The last.
    Last,
}

/// What a hit becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is cut.
    Remove,
    /// It is cut and this text stands in its place.
    Replace(String),
    /// It stays, whatever other rules say.
    Keep,
    /// It stays; its fields are noted.
    Note,
}
