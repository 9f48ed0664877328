//! Storage: loads the rule files of a run, and keeps them as bytes until a document needs them.
//!
//! A *packed* file is a rule file that was parsed, checked and serialised (`pack`, with `serial` and
//! `head`). [`load()`] parses the files of a run (`source`) or takes packed ones from the `cache`, and
//! the rule set above unpacks from [`Packed`] what a document needs: heads, rules, and the index of
//! the generic rules (`rules`).

mod cache;
mod head;
mod load;
mod pack;
mod packed;
mod rules;
mod serial;
mod source;

pub(crate) use head::Head;
pub use head::Listed;
pub use load::LoadOptions;
pub(crate) use load::{Loaded, Texts, load};
pub(crate) use pack::Prefilters;
pub(crate) use packed::Packed;
pub use rules::acts_mid_article;
pub(crate) use rules::{GenericRule, Rules, RulesBuilder, slot_rule};
pub(crate) use serial::{Proof, RuleOrigin, RunRule};
pub use source::files_in;
