//! Units: the outlets and families of a rule set.

use std::fmt;
use std::sync::OnceLock;

use crate::storage::Rules;

/// The id of an outlet or a family in a [`RuleSet`](crate::RuleSet).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnitId(pub(crate) usize);

/// An outlet or family.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) family: bool,
    pub(super) families: Vec<UnitId>,
    pub(super) section: usize,
    /// Whether any of its rules, or of its families' rules, has an era.
    pub(super) eras: bool,
    /// The index of its rules and its families' rules, built on first use.
    pub(super) rules: OnceLock<Box<Rules>>,
}

/// There is no outlet or family with this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOutlet {
    pub(super) id: String,
    /// A suggestion, or the known ids.
    pub(super) help: String,
}

impl fmt::Display for UnknownOutlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown outlet \"{}\"; {}", self.id, self.help)
    }
}

impl std::error::Error for UnknownOutlet {}
