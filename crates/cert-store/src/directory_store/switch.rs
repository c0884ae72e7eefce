//! The second half of an installation: links come to lead to what was prepared.

use super::apply::Prepared;
use crate::error::StoreError;
use crate::plan::Step;
use crate::store::Installed;

impl Prepared {
    pub(super) fn switch(self) -> Result<Installed, StoreError> {
        if self.plan.switch.is_empty() {
            return Ok(self.installed);
        }
        for step in self.plan.switch.iter().filter(|step| matches!(step, Step::Write { .. })) {
            self.apply(step)?;
        }
        if !self.make_only_link()? {
            self.move_links()?;
        }
        self.directory.sync()?;
        Ok(self.installed)
    }

    /// A link that is all there is to switch, and did not stand there before, needs no temporary
    /// name: it is made at once or not at all. Says whether it was so.
    fn make_only_link(&self) -> Result<bool, StoreError> {
        let [Step::Link { link, to }] = self.plan.switch.as_slice() else { return Ok(false) };
        Ok(!self.is_linked && self.directory.make_link(link, to)?)
    }

    /// Everything is made under temporary names first, so that the links move within
    /// microseconds.
    fn move_links(&self) -> Result<(), StoreError> {
        let mut staged = Vec::new();
        let mut withdrawn = None;
        for step in &self.plan.switch {
            match step {
                Step::Link { link, to } => staged.push(self.directory.stage_link(link, to)?),
                Step::Withdraw { name } => withdrawn = Some(name),
                Step::Describe { name } => {
                    if let Some(metadata) = &self.metadata {
                        let options = metadata.access.options();
                        staged.push(self.directory.stage(name, &options, &metadata.text)?);
                    }
                }
                Step::Write { .. } => {}
            }
        }
        if let Some(name) = withdrawn {
            self.directory.remove(name)?;
        }
        for change in staged {
            change.place()?;
        }
        Ok(())
    }
}
