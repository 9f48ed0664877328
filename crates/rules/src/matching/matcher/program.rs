//! Programs: the instructions into which a pattern is compiled, and their packed form.

use std::sync::Arc;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};
use serde::{Deserialize, Serialize};

use crate::chars::{CLASSES, Chars};
use crate::matching::phrases::Phrases;
use crate::matching::placeholders::{list_of, split_lists};

/// The lists of a pattern, in the order of the characters that stand for them.
pub(crate) type Lists = Arc<[Arc<Phrases>]>;

/// The maximum number of instructions of a pattern.
const MOST_CODE: usize = 8192;

/// The part of a matcher that does not depend on its lists. The rules that were made from one
/// template for several languages share it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(super) code: Arc<[Op]>,
    pub(super) literals: Arc<str>,
    pub(super) classes: Arc<[Arc<Chars>]>,
    /// The alternatives of each switch.
    pub(super) ways: Arc<[Vec<u32>]>,
    pub(super) slots: usize,
}

impl Program {
    /// Compiles `hir`. `None` if it is not supported.
    pub(super) fn new(hir: &Hir, lists: &Lists) -> Option<Program> {
        let mut builder = Builder { lists: Arc::clone(lists), ..Builder::default() };
        builder.add(hir)?;
        builder.code.push(Op::Match);
        let Builder { code, literals, classes, switches, slots, .. } = builder;
        let (code, literals, classes) = (code.into(), literals.into(), classes.into());
        let program = Program { code, literals, classes, ways: switches.into(), slots };
        (program.code.len() <= MOST_CODE).then_some(program)
    }

    /// Packs the program and adds its classes to those of its pattern.
    pub(crate) fn packed(&self, all: &mut Vec<Arc<Chars>>) -> PackedProgram {
        let Program { code, literals, classes, ways, slots } = self;
        let number = |class: &Arc<Chars>| {
            let known = all.iter().position(|known| known == class);
            known.unwrap_or_else(|| {
                all.push(Arc::clone(class));
                all.len() - 1
            }) as u32
        };
        let classes = classes.iter().map(number).collect();
        let (code, switches) = (code.to_vec(), ways.to_vec());
        PackedProgram {
            code,
            literals: String::from(&**literals),
            classes,
            switches,
            slots: *slots,
        }
    }
}

/// The packed form of a [`Program`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedProgram {
    code: Vec<Op>,
    literals: String,
    /// The numbers of its classes among those of its pattern.
    classes: Vec<u32>,
    switches: Vec<Vec<u32>>,
    slots: usize,
}

impl PackedProgram {
    /// Unpacks the program with the classes of its pattern.
    pub(crate) fn into_program(self, all: &[Arc<Chars>]) -> Program {
        let PackedProgram { code, literals, classes, switches, slots } = self;
        let classes = classes.into_iter().map(|at| Arc::clone(&all[at as usize])).collect();
        let (code, literals) = (code.into(), literals.into());
        Program { code, literals, classes, ways: switches.into(), slots }
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Op {
    /// These bytes of the literals.
    Literal(u32, u32),
    /// The same, ignoring case of ASCII letters; the literals are in lower case.
    AnyCase(u32, u32),
    /// A phrase of a list.
    List(u32),
    /// One character of a class.
    One(u32),
    /// From `min` to `max` characters of a class, as many as possible or as few as possible.
    Many {
        class: u32,
        min: u32,
        max: u32,
        greedy: bool,
    },
    /// Continue at the first instruction, or at the second if that fails.
    Split(u32, u32),
    /// Continue at the first alternative that the next byte allows, then at the others.
    Switch(u32),
    Jump(u32),
    Look(Edge),
    Save(u32),
    Match,
}

/// An assertion about the position between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Edge {
    Start,
    End,
    WordAscii,
    NoWordAscii,
    Word,
    NoWord,
}

impl Edge {
    fn of(look: Look) -> Option<Edge> {
        Some(match look {
            Look::Start => Edge::Start,
            Look::End => Edge::End,
            Look::WordAscii => Edge::WordAscii,
            Look::WordAsciiNegate => Edge::NoWordAscii,
            Look::WordUnicode => Edge::Word,
            Look::WordUnicodeNegate => Edge::NoWord,
            _ => return None,
        })
    }

    #[inline]
    pub(super) fn holds(self, text: &str, at: usize) -> bool {
        let word = |c: char| match self {
            Edge::WordAscii | Edge::NoWordAscii => c.is_ascii_alphanumeric() || c == '_',
            _ => regex_syntax::try_is_word_character(c).unwrap_or(false),
        };
        let border = || {
            let before = text[..at].chars().next_back().is_some_and(word);
            before != text[at..].chars().next().is_some_and(word)
        };
        match self {
            Edge::Start => at == 0,
            Edge::End => at == text.len(),
            Edge::WordAscii | Edge::Word => border(),
            Edge::NoWordAscii | Edge::NoWord => !border(),
        }
    }
}

/// The number of alternatives from which the next byte selects among them.
const MANY_WAYS: usize = 6;

/// Compiles a [`Program`].
#[derive(Default)]
struct Builder {
    code: Vec<Op>,
    literals: String,
    classes: Vec<Arc<Chars>>,
    switches: Vec<Vec<u32>>,
    lists: Lists,
    slots: usize,
}

impl Builder {
    fn add(&mut self, hir: &Hir) -> Option<()> {
        if self.code.len() > MOST_CODE {
            return None;
        }
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).ok()?;
                for part in text.split_inclusive(|c| list_of(c).is_some()) {
                    let list = part.chars().next_back().and_then(list_of);
                    let part = part.trim_end_matches(|c| list_of(c).is_some());
                    if !part.is_empty() {
                        let start = self.literals.len() as u32;
                        self.literals.push_str(part);
                        self.code.push(Op::Literal(start, self.literals.len() as u32));
                    }
                    if let Some(list) = list {
                        self.lists.get(list)?;
                        self.code.push(Op::List(list as u32));
                    }
                }
            }
            HirKind::Class(Class::Unicode(class)) => match split_lists(class) {
                Some(ways) => self.alternation(&ways)?,
                None => {
                    let class = self.class(Chars::of(class));
                    self.code.push(Op::One(class));
                }
            },
            HirKind::Class(Class::Bytes(_)) => return None,
            HirKind::Look(look) => self.code.push(Op::Look(Edge::of(*look)?)),
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Capture(capture) => {
                let slot = 2 * capture.index;
                self.slots = self.slots.max(slot as usize + 2);
                self.code.push(Op::Save(slot));
                self.add(&capture.sub)?;
                self.code.push(Op::Save(slot + 1));
            }
            HirKind::Concat(parts) => {
                let mut left = parts.as_slice();
                while let Some((part, rest)) = left.split_first() {
                    let start = self.literals.len();
                    let in_any_case = |part: &&Hir| push_any_case(part, &mut self.literals);
                    let count = left.iter().take_while(in_any_case).count();
                    if count > 1 {
                        let end = self.literals.len();
                        self.code.push(Op::AnyCase(start as u32, end as u32));
                        left = &left[count..];
                    } else {
                        self.literals.truncate(start);
                        self.add(part)?;
                        left = rest;
                    }
                }
            }
            HirKind::Alternation(parts) => self.alternation(parts)?,
        }
        Some(())
    }

    fn alternation(&mut self, parts: &[Hir]) -> Option<()> {
        if parts.len() >= MANY_WAYS {
            let (mut ways, mut ends) = (Vec::new(), Vec::new());
            let switch = self.switches.len();
            self.switches.push(Vec::new());
            self.code.push(Op::Switch(switch as u32));
            for part in parts {
                ways.push(self.code.len() as u32);
                self.add(part)?;
                ends.push(self.code.len());
                self.code.push(Op::Jump(0));
            }
            for end in ends {
                self.code[end] = Op::Jump(self.code.len() as u32);
            }
            self.switches[switch] = ways;
        } else {
            let mut ends = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let last = index + 1 == parts.len();
                let split = self.code.len();
                if !last {
                    self.code.push(Op::Split(split as u32 + 1, 0));
                }
                self.add(part)?;
                if !last {
                    ends.push(self.code.len());
                    self.code.push(Op::Jump(0));
                    self.code[split] = Op::Split(split as u32 + 1, self.code.len() as u32);
                }
            }
            for end in ends {
                self.code[end] = Op::Jump(self.code.len() as u32);
            }
        }
        Some(())
    }

    fn class(&mut self, chars: Chars) -> u32 {
        if let Some(at) = self.classes.iter().position(|known| **known == chars) {
            return at as u32;
        }
        self.classes.push(CLASSES.get(chars));
        self.classes.len() as u32 - 1
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let Repetition { min, max, greedy, sub } = repetition;
        if let Some(chars) = one_character(sub) {
            let (class, max) = (self.class(chars), max.unwrap_or(u32::MAX));
            self.code.push(Op::Many { class, min: *min, max, greedy: *greedy });
            return Some(());
        }
        let split = |code: &mut Vec<Op>, at: usize, body: u32, out: u32| {
            code[at] = if *greedy { Op::Split(body, out) } else { Op::Split(out, body) };
        };
        for _ in 0..*min {
            self.add(sub)?;
        }
        match max {
            None => {
                // A loop around an empty match would not end.
                sub.properties().minimum_len().filter(|least| *least > 0)?;
                let start = self.code.len();
                self.code.push(Op::Jump(0));
                self.add(sub)?;
                self.code.push(Op::Jump(start as u32));
                let out = self.code.len() as u32;
                split(&mut self.code, start, start as u32 + 1, out);
            }
            Some(max) => {
                let mut splits = Vec::new();
                for _ in *min..*max {
                    splits.push(self.code.len());
                    self.code.push(Op::Jump(0));
                    self.add(sub)?;
                }
                let out = self.code.len() as u32;
                for at in splits {
                    split(&mut self.code, at, at as u32 + 1, out);
                }
            }
        }
        Some(())
    }
}

/// If `part` is an ASCII letter in either case or has no case, appends it to `literals` and returns
/// true.
fn push_any_case(part: &Hir, literals: &mut String) -> bool {
    let plain = |text: &&str| text.is_ascii() && !text.bytes().any(|b| b.is_ascii_alphabetic());
    match part.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let [upper, lower] = class.ranges() else { return false };
            let (upper, lower) = (upper.start()..=upper.end(), lower.start()..=lower.end());
            let c = *lower.start();
            let both = upper == (c.to_ascii_uppercase()..=c.to_ascii_uppercase());
            let is = c.is_ascii_lowercase() && both && lower == (c..=c);
            literals.extend(is.then_some(c));
            is
        }
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok().filter(plain);
            literals.extend(text);
            text.is_some()
        }
        _ => false,
    }
}

/// The characters that a regex matches, if it always matches one character.
fn one_character(hir: &Hir) -> Option<Chars> {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            split_lists(class).is_none().then(|| Chars::of(class))
        }
        HirKind::Literal(literal) => {
            let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
            let (c, None) = (chars.next()?, chars.next()) else { return None };
            if list_of(c).is_some() {
                return None;
            }
            let range = ClassUnicodeRange::new(c, c);
            Some(Chars::of(&ClassUnicode::new([range])))
        }
        _ => None,
    }
}
