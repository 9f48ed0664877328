//! Zones: the head, body and tail of a document, computed from its body lines. A [`Place`] of a
//! rule is a zone or a combination of zones.

use std::ops::Range;

use crate::Place;
use crate::line_data::LineData;

/// The first and last body line, and the third non-blank line from each end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Zones {
    pub(crate) body: Option<(usize, usize)>,
    pub(crate) third: usize,
    pub(crate) third_last: usize,
}

/// The number of non-blank lines at each end of a document that always count as its edges.
const EDGE_LINES: usize = 3;

impl Zones {
    pub(crate) fn of(lines: &[LineData<'_>]) -> Zones {
        let live = |line: &LineData<'_>| !line.removed && !line.blank;
        let body = |line: &LineData<'_>| !line.removed && line.body;
        let nth = |mut found: &mut dyn Iterator<Item = usize>| (&mut found).take(EDGE_LINES).last();
        let mut down = (0..lines.len()).filter(|&i| live(&lines[i]));
        let mut up = (0..lines.len()).rev().filter(|&i| live(&lines[i]));
        Zones {
            body: lines.iter().position(body).zip(lines.iter().rposition(body)),
            third: nth(&mut down).unwrap_or(0),
            third_last: nth(&mut up).unwrap_or(0),
        }
    }

    pub(crate) fn head(&self, line: usize) -> bool {
        self.body.is_some_and(|(first, _)| line < first || line <= self.third)
    }

    pub(crate) fn tail(&self, line: usize) -> bool {
        self.body.is_some_and(|(_, last)| line > last || line >= self.third_last)
    }

    pub(crate) fn contains(&self, place: Place, line: usize) -> bool {
        self.ranges(place, usize::MAX).iter().any(|range| range.contains(&line))
    }

    /// The lines of a place in a document of `count` lines, as two ranges that do not overlap.
    pub(crate) fn ranges(&self, place: Place, count: usize) -> [Range<usize>; 2] {
        let none = 0..0;
        let Some((first, last)) = self.body else {
            let all = if place == Place::Anywhere { 0..count } else { none.clone() };
            return [all, none];
        };
        let head = first.max(self.third + 1);
        let tail = (last + 1).min(self.third_last);
        let edges = |head: usize, tail: usize| [0..head, tail.max(head)..count];
        match place {
            Place::Head => [0..head, none],
            Place::Tail => [none, tail..count],
            Place::Edges => edges(head, tail),
            Place::Opening => [first..first + 1, none],
            Place::Closing => [none, last..last + 1],
            Place::Rims => edges(head.max(first + 1), tail.min(last)),
            Place::Body => [first..last + 1, none],
            Place::Anywhere => [0..count, none],
        }
    }
}
