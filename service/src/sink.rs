//! Where log lines go, beside what simplelog knows: only how one line is taken differs.

use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{Config, SharedLogger};

/// Takes lines, each on its own.
pub(crate) trait Sink: Send + Sync + 'static {
    /// Takes one. What goes wrong with it has nobody to be told.
    fn take(&self, record: &Record<'_>);
}

/// A logger that hands the worker's own lines to a sink. Libraries have their say in errors; their
/// own lines are for their developers.
pub(crate) struct Ours<S>(pub(crate) S);

impl<S: Sink> Log for Ours<S> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info && metadata.target().starts_with("service")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.take(record);
        }
    }

    fn flush(&self) {}
}

impl<S: Sink> SharedLogger for Ours<S> {
    fn level(&self) -> LevelFilter {
        LevelFilter::Info
    }

    fn config(&self) -> Option<&Config> {
        None
    }

    fn as_log(self: Box<Self>) -> Box<dyn Log> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Kept(Mutex<Vec<String>>);

    impl Sink for Kept {
        fn take(&self, record: &Record<'_>) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    #[test]
    fn libraries_and_details_are_left_out() {
        let logger = Ours(Kept(Mutex::default()));
        for (target, level) in
            [("service::run", Level::Info), ("service", Level::Debug), ("ureq", Level::Error)]
        {
            let args = format_args!("{target} {level}");
            logger.log(&Record::builder().target(target).level(level).args(args).build());
        }
        assert_eq!(*logger.0.0.lock().unwrap(), ["service::run INFO"]);
    }
}
