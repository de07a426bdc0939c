//! A requirement, and the list of those that hold.

use std::{collections::BTreeSet, fmt, future::Future, pin::Pin};

use anyhow::Result;
use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::Handle;

/// The ids of the requirements that hold, sorted, one a line.
const PASSING: &str = include_str!("passing.txt");

type Test = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>>>> + Send>;

/// Something that the local stack must do as AWS does it.
pub(crate) struct Requirement {
    id: &'static str,
    source: &'static str,
    test: Test,
}

/// A requirement: its id, where the fact comes from, and the test, which fails with what is wrong, or with [`Skipped`].
pub(crate) fn requirement<F>(
    id: &'static str,
    source: &'static str,
    test: impl Fn() -> F + Send + 'static,
) -> Requirement
where
    F: Future<Output = Result<()>> + 'static,
{
    Requirement {
        id,
        source,
        test: Box::new(move || Box::pin(test())),
    }
}

/// What a test fails with when this machine lacks what it needs, and why.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SKIPPED: {}", self.0)
    }
}

impl std::error::Error for Skipped {}

/// The trials of all requirements, to be run on this runtime, and one of the list itself.
pub(crate) fn trials(requirements: Vec<Requirement>, runtime: &Handle) -> Vec<Trial> {
    let ids: Vec<&'static str> = requirements.iter().map(|requirement| requirement.id).collect();
    let list = Trial::test("passing.txt", move || check_list(&ids).map_err(Failed::from));
    let trials = requirements
        .into_iter()
        .map(|requirement| trial(requirement, runtime.clone()));
    trials.chain([list]).collect()
}

fn listed() -> impl Iterator<Item = &'static str> {
    PASSING.lines()
}

fn trial(requirement: Requirement, runtime: Handle) -> Trial {
    let Requirement { id, source, test } = requirement;
    let is_listed = listed().any(|line| line == id);
    Trial::ignorable_test(id, move || match runtime.block_on(test()) {
        Ok(()) if is_listed => Ok(Completion::Completed),
        Ok(()) => Err(format!("it holds: add {id} to tests/conformance/passing.txt").into()),
        Err(error) if error.is::<Skipped>() => Ok(Completion::ignored_with(error)),
        Err(error) if is_listed => Err(format!("{error:#}\n\nsource: {source}").into()),
        Err(error) => Ok(Completion::ignored_with(format!("unmet: {error:#}"))),
    })
}

/// The list is sorted, names nothing twice, and everything in it is still a requirement.
fn check_list(ids: &[&str]) -> Result<(), String> {
    let all: BTreeSet<&str> = ids.iter().copied().collect();
    if all.len() != ids.len() {
        return Err("two requirements have the same id".to_owned());
    }
    if !listed().is_sorted_by(|before, after| before < after) {
        return Err("the list is not sorted, or names something twice".to_owned());
    }
    let gone: Vec<&str> = listed().filter(|id| !all.contains(id)).collect();
    if !gone.is_empty() {
        return Err(format!("no longer a requirement: {}", gone.join(", ")));
    }
    Ok(())
}
