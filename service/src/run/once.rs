//! One pass by hand, without the loop.

use std::collections::BTreeSet;

use super::{Event, Outside, PROGRESS, Worker};
use crate::item::News;

impl Worker {
    /// One pass, now, and nothing else; `tell` hears how many of how many certificates were looked
    /// at so far. `false` where somebody stopped it before its end.
    pub(crate) fn once(
        &mut self,
        outside: &mut impl Outside,
        tell: &mut dyn FnMut(usize, usize),
    ) -> bool {
        let now = outside.now();
        self.asked = true;
        self.start_pass_if_due(outside, now);
        let mut looked = BTreeSet::new();
        while self.passing.is_some() {
            match outside.wait(outside.now().steady + PROGRESS) {
                Some(Event::News(news)) => {
                    looked.extend(news.iter().filter_map(|news| match news {
                        News::Looked(index, _) => Some(*index),
                        _ => None,
                    }));
                    self.note(news, outside.now());
                }
                Some(Event::PassEnded) => self.end_pass(outside, outside.now()),
                Some(Event::End(_)) => return false,
                Some(Event::Reload) | None => {}
            }
            tell(looked.len(), self.roster.entries().len());
        }
        true
    }
}
