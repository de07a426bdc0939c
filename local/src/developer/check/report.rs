//! The lines of a check.

use probes::Problem;

use crate::developer::{harmless::harmless, screen};

/// The steps so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    failed: usize,
}

impl Report {
    /// Shows how a step ended, and gives back what it found.
    pub(super) fn step<T>(&mut self, name: &str, outcome: Result<(String, T), Problem>) -> Option<T> {
        match outcome {
            Ok((detail, found)) => {
                screen::line(format_args!("ok       {name:<12} {}", harmless(&detail)));
                Some(found)
            }
            Err(Problem { said, cause, next }) => {
                self.failed += 1;
                screen::line(format_args!("FAILED   {name:<12} {}", harmless(&said)));
                screen::line(format_args!("         likely cause: {cause}"));
                screen::line(format_args!("         what to do:   {next}"));
                None
            }
        }
    }

    /// How many steps have failed.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }
}

/// Shows that steps were left out.
pub(super) fn skip(steps: &[&str], because: &str) {
    for step in steps {
        screen::line(format_args!("skipped  {step:<12} {because}"));
    }
}
