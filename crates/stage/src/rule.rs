use std::fmt;

/// The index of a rule in a pipeline's table of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A table of rules, indexed by [`RuleId`].
pub trait RuleTable: Sync {
    /// The rule with this id.
    ///
    /// # Panics
    /// If the id belongs to another table.
    fn rule(&self, id: RuleId) -> &Rule;
}

impl<T: AsRef<[Rule]> + Sync> RuleTable for T {
    fn rule(&self, RuleId(id): RuleId) -> &Rule {
        &self.as_ref()[id as usize]
    }
}

/// A rule without its pattern: everything that a stage may know of it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The full id, such as `presstv/breadcrumb` or `generic/share-buttons/en-share`.
    pub id: String,
    /// The stage that judges the rule's hits.
    pub stage: String,
    /// Where the rule comes from. Decides the order in which rules act within a stage.
    pub tier: Tier,
    /// Where in a document the rule may act.
    pub place: Place,
    /// The non-blank line of its place that the rule is limited to, counted in the source.
    pub at: Option<At>,
    /// What to do with a hit.
    pub action: Action,
    /// The maximum number of non-blank lines in a block.
    pub max_lines: usize,
    /// The maximum number of words in a hit line.
    pub max_words: Option<usize>,
    /// Whether the rule also acts in documents without a body line, because a hit on a line of its
    /// own is never part of an article.
    pub safe: bool,
    /// How certain it is that a hit is boilerplate. The damage cap drops the least certain cuts
    /// first.
    pub certainty: Certainty,
    /// The detector that the rule enables, for rules without a pattern.
    pub detect: Option<String>,
    /// Fields with a fixed value, recorded with every mark of the rule.
    pub fields: Vec<(String, String)>,
}

impl Rule {
    /// A rule that removes whole lines at the edges. For tests and for stages without rule files.
    pub fn new(id: impl Into<String>, stage: impl Into<String>) -> Rule {
        Rule {
            id: id.into(),
            stage: stage.into(),
            tier: Tier::Generic,
            place: Place::Edges,
            at: None,
            action: Action::Remove,
            max_lines: 1,
            max_words: None,
            safe: false,
            certainty: Certainty::Likely,
            detect: None,
            fields: Vec::new(),
        }
    }
}

/// How certain it is that what a rule removes is boilerplate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Only the surrounding lines suggest it.
    Guess,
    /// The words suggest it, but a sentence of an article may contain them.
    Likely,
    /// The shape of the line leaves no doubt. The damage cap never drops these cuts.
    Sure,
}

/// Where a rule comes from. Within a stage, outlet rules act before family rules, and family rules
/// before generic ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The file of one outlet.
    Outlet,
    /// A file that outlets extend.
    Family,
    /// A file for all outlets, or the stage itself.
    Generic,
}

/// Where in a document a rule may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Above the first body line, or among the first three non-blank lines.
    Head,
    /// Below the last body line, or among the last three non-blank lines.
    Tail,
    /// Head or tail.
    Edges,
    /// The first body line.
    Opening,
    /// The last body line.
    Closing,
    /// Edges, opening and closing: the default for rules that cut the start or end of a line.
    Rims,
    /// From the first to the last body line.
    Body,
    /// Everywhere.
    Anywhere,
}

impl fmt::Display for Place {
    /// The name used in rule files. [`Place::Rims`] has none and is spelled out.
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

/// The non-blank line of its place that a rule is limited to, counted in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// The Nth line from the top, from 1.
    Nth(usize),
    /// The last line.
    Last,
}

/// What to do with a marked span or a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Cut it.
    Remove,
    /// Replace it with this text.
    Replace(String),
    /// Keep it, whatever other marks say.
    Keep,
    /// Keep it and record its fields.
    Note,
}
