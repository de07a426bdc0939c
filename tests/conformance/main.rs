//! What API Gateway and Lambda do, requirement by requirement, asked of the local stack.
//!
//! Each module begins with its list of requirements: an id, where the fact comes from, and the test. The ids that hold stand in
//! `passing.txt`, which only grows: the run fails when one of them fails or is gone, and when a test passes that isn't there
//! yet. A requirement that isn't listed and fails is shown as unmet, with the reason, and lets the run pass.
//!
//! ```console
//! $ cargo test -p tests --test conformance             # all of them
//! $ cargo test -p tests --test conformance -- ws.      # those whose id has `ws.` in it
//! ```
//!
//! The stacks here run `template.yaml` of this folder, whose functions are all one probe that does what an event tells it.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod bench;
mod client;
mod recorder;
mod requirement;

mod connections;
mod faults;
mod hostile;
mod http;
mod invoke;
mod lambda;
mod page;
mod queue;
mod s3;
mod sdks;
mod signatures;
mod staged;
mod template;
mod triggers;
mod watched;
mod websocket;

use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::Arguments;

/// How many requirements are tried at a time, if the command line says nothing: they wait more than they work.
const AT_A_TIME: usize = 16;

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let requirements = [
        websocket::requirements(),
        connections::requirements(),
        signatures::requirements(),
        sdks::requirements(),
        faults::requirements(),
        page::requirements(),
        http::requirements(),
        hostile::requirements(),
        staged::requirements(),
        lambda::requirements(),
        invoke::requirements(),
        queue::requirements(),
        triggers::requirements(),
        s3::requirements(),
        template::requirements(),
        watched::requirements(),
    ];
    // One for all tests, because a stack's connections outlive the test that first needed it.
    let runtime = tokio::runtime::Runtime::new()?;
    let trials = requirement::trials(requirements.into_iter().flatten().collect(), runtime.handle());
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}
