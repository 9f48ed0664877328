//! The ends of a line, under which it is looked up: as they are, without bullets and closers, and
//! without numbers.

use std::cell::OnceCell;

use super::outer::Outer;
use crate::key::{self, Fold};
use crate::matching::sides::{Side, is_digit, is_numbering, is_skipped, lower};

/// The ends of a line's key in lower case, computed from its text on demand.
pub(crate) struct Ends<'t> {
    pub(super) text: &'t str,
    sides: [OnceCell<Outer>; 2],
    /// The outermost two bytes of each side.
    outermost: [OnceCell<u16>; 2],
    /// The start without bullets and the end without closers, if there are any.
    bare: [OnceCell<Option<Outer>>; 2],
    /// Each side without a number and the characters next to it, if there is one.
    without_number: [OnceCell<Option<Outer>>; 2],
}

impl<'t> Ends<'t> {
    pub(crate) fn of_text(text: &'t str) -> Ends<'t> {
        let (bare, without_number) = Default::default();
        // Keys are trimmed, so spaces at the ends do not count.
        let bytes = text.as_bytes();
        let start = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let end = bytes[start..].iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let text = &text[start..text.len() - end];
        Ends {
            text,
            sides: Default::default(),
            outermost: Default::default(),
            bare,
            without_number,
        }
    }

    /// The start after bullets, or the end before closers, if there are any.
    #[inline]
    pub(super) fn bare(&self, side: Side) -> Option<&Outer> {
        let outermost = match side {
            Side::Start => self.text.as_bytes().first(),
            Side::End => self.text.as_bytes().last(),
        };
        match outermost {
            Some(byte) if byte.is_ascii_alphanumeric() => None,
            _ => self.bare[side as usize].get_or_init(|| self.find_bare(side)).as_ref(),
        }
    }

    fn find_bare(&self, side: Side) -> Option<Outer> {
        let mut any = false;
        let mut skipped = |c: char| match key::fold(c) {
            Fold::Drop | Fold::To(' ') => true,
            // Keys contain full-width brackets as ordinary ones.
            Fold::To(c) => {
                let skipped = is_skipped(c, side);
                any |= skipped;
                skipped
            }
        };
        let rest = match side {
            Side::Start => self.text.trim_start_matches(&mut skipped),
            Side::End => self.text.trim_end_matches(&mut skipped),
        };
        (any && !rest.is_empty()).then(|| Outer::of_text(side, rest))
    }

    /// The start after a number, or the end before one, if there is one.
    #[inline]
    pub(super) fn without_number(&self, side: Side) -> Option<&Outer> {
        let outermost = match side {
            Side::Start => self.text.as_bytes().first(),
            Side::End => self.text.as_bytes().last(),
        };
        match outermost {
            Some(byte) if byte.is_ascii_alphabetic() => None,
            _ => {
                let without = &self.without_number[side as usize];
                without.get_or_init(|| self.find_without_number(side)).as_ref()
            }
        }
    }

    fn find_without_number(&self, side: Side) -> Option<Outer> {
        let mut any = false;
        let mut skipped = |c: char| match key::fold(c) {
            Fold::Drop => true,
            Fold::To(c) => {
                any |= is_digit(c);
                is_numbering(c)
            }
        };
        let rest = match side {
            Side::Start => self.text.trim_start_matches(&mut skipped),
            Side::End => self.text.trim_end_matches(&mut skipped),
        };
        (any && !rest.is_empty()).then(|| Outer::of_text(side, rest))
    }

    #[inline]
    pub(super) fn of(&self, side: Side) -> &Outer {
        self.sides[side as usize].get_or_init(|| Outer::of_text(side, self.text))
    }

    /// The outermost two bytes of a side.
    #[inline]
    pub(super) fn outermost(&self, side: Side) -> u16 {
        *self.outermost[side as usize].get_or_init(|| self.find_outermost(side))
    }

    /// Reads the two bytes off the text if they are the same in the key.
    fn find_outermost(&self, side: Side) -> u16 {
        let plain = |byte: u8| byte.is_ascii_graphic();
        let (outer, next) = match (side, self.text.as_bytes()) {
            // A combining mark would change the second character.
            (Side::Start, &[outer, next, third, ..]) if third.is_ascii() => (outer, next),
            (Side::End, &[.., next, outer]) => (outer, next),
            _ => return self.of(side).outermost(),
        };
        let spaced = || {
            let third = match (side, self.text.as_bytes()) {
                (Side::Start, &[_, _, third, ..]) | (Side::End, &[.., third, _, _]) => third,
                _ => return false,
            };
            next == b' ' && plain(third)
        };
        if plain(outer) && (plain(next) || spaced()) {
            return u16::from_be_bytes([outer.to_ascii_lowercase(), next.to_ascii_lowercase()]);
        }
        self.outer_character(side).unwrap_or_else(|| self.of(side).outermost())
    }

    /// Like [`Ends::find_outermost`], for a non-ASCII character that is the same in keys and has no
    /// combining mark.
    fn outer_character(&self, side: Side) -> Option<u16> {
        let mut chars = self.text.chars();
        let (outer, next) = match side {
            Side::Start => (chars.next()?, chars.next()),
            Side::End => (chars.next_back()?, None),
        };
        let alone = next.is_none_or(|next| next == ' ' || key::is_plain(next));
        if outer.is_ascii() || !key::is_plain(outer) || !alone {
            return None;
        }
        let mut bytes = [0; 4];
        match (side, lower(outer).encode_utf8(&mut bytes).as_bytes()) {
            (Side::Start, &[outer, next, ..]) | (Side::End, &[.., next, outer]) => {
                Some(u16::from_be_bytes([outer, next]))
            }
            _ => None,
        }
    }
}
