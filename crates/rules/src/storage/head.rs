//! What is known about packed rule files and their rules without unpacking the rules.

use chaffinch_stage::{Action, Rule};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use crate::authoring::{FileRule, RuleFile, Subject};
use crate::key;
use crate::table::{packed, read};

/// The part of a rule file that is needed before its rules are unpacked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head<'a> {
    pub(crate) file: &'a str,
    pub(crate) subject: Subject,
    pub(crate) id: &'a str,
    pub(crate) name: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) hosts: Vec<&'a str>,
    pub(crate) paths: Vec<&'a str>,
    /// The signs, folded like keys.
    pub(crate) signs: Vec<&'a str>,
    pub(crate) extends: Vec<&'a str>,
    /// Whether any of its rules has an era.
    pub(crate) eras: bool,
    /// The stages of its rules that enable a detector.
    pub(crate) detects: Vec<&'a str>,
    /// The number of its rules.
    pub(crate) rules: u32,
    /// A digest of what its rules cut and of their order.
    pub(crate) digest: u64,
}

impl<'a> Head<'a> {
    /// Packs the head of a file.
    pub(crate) fn packed(file: &RuleFile) -> Vec<u8> {
        let fold = |sign: &String| key::key(sign).into_owned();
        let signs: Vec<String> = file.signs.iter().map(fold).collect();
        packed(&Head::of(file, &signs))
    }

    /// Unpacks the result of [`Head::packed`].
    pub(crate) fn read(bytes: &'a [u8]) -> Head<'a> {
        read(bytes)
    }

    /// The head of a file with these folded signs.
    fn of(file: &'a RuleFile, signs: &'a [String]) -> Head<'a> {
        let mut digest = Xxh3Default::new();
        let mut detects: Vec<&str> = Vec::new();
        for FileRule { rule, digest: own, .. } in &file.rules {
            digest.update(rule.id.as_bytes());
            digest.update(&own.to_le_bytes());
            if rule.detect.is_some() && !detects.contains(&rule.stage.as_str()) {
                detects.push(&rule.stage);
            }
        }
        let texts = |texts: &'a [String]| texts.iter().map(String::as_str).collect();
        Head {
            file: &file.file,
            subject: file.subject,
            id: &file.id,
            name: file.name.as_deref(),
            hosts: texts(&file.hosts),
            paths: texts(&file.paths),
            signs: texts(signs),
            extends: texts(&file.extends),
            eras: file.rules.iter().any(|rule| !rule.era.is_always()),
            detects,
            rules: file.rules.len() as u32,
            digest: digest.digest(),
        }
    }
}

/// A summary of a rule that is available without unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<'a> {
    /// The full id.
    pub id: &'a str,
    /// The stage that judges its hits.
    pub stage: &'a str,
    /// A digest of everything that decides what it cuts: pattern, place, action.
    pub digest: u64,
    /// Whether its hits are removed.
    pub removes: bool,
    /// Whether it enables a detector.
    pub detects: bool,
}

impl<'a> Listed<'a> {
    pub(crate) fn of(rule: &'a Rule, digest: u64) -> Listed<'a> {
        let (removes, detects) = (rule.action == Action::Remove, rule.detect.is_some());
        Listed { id: &rule.id, stage: &rule.stage, digest, removes, detects }
    }
}
