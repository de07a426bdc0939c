//! Who may do what: tries every cell of the tables of `docs/access.md` on a running stack.
//!
//! Each cell is a test with a conversation and users of its own. A row names a route or an action, a column the caller, and the cell the status and
//! the code of the answer. `nothing` after a status means that the answer is a success that shows nothing of the conversation. Without it, the
//! answer of a reading row must show the conversation.
//!
//! ```console
//! $ cargo test -p tests --test access                        # all of them
//! $ cargo test -p tests --test access -- moderator           # only those with this word in their name
//! ```

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod call;
mod scene;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use self::call::Call;
use self::scene::{Place, Scene, Stacks};
use self::table::{Cell, cells};

/// How many cells are tried at a time, unless the command line says otherwise.
const AT_A_TIME: usize = 6;

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let cells = cells(include_str!("../../docs/access.md"))?;
    writeln!(io::stderr(), "{} cells", cells.len())?;
    let described = named(&cells);
    // One runtime for all tests, because a stack outlives the test that first needed it.
    let runtime = Runtime::new()?;
    let stacks = Arc::new(Stacks::default());
    let mut trials = vec![Trial::test("every route and action has a row", move || {
        check_complete(&described).map_err(|error| failed(&error))
    })];
    for cell in cells {
        for place in Place::named(&cell.section)? {
            let name = format!("{}, {}: {}", place.name(), cell.column, cell.row);
            let (cell, stacks, handle) = (cell.clone(), Arc::clone(&stacks), runtime.handle().clone());
            let trial = move || {
                handle
                    .block_on(holds(&stacks, place, &cell))
                    .map_err(|error| failed(&error))
            };
            trials.push(Trial::test(name, trial));
        }
    }
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

fn failed(error: &anyhow::Error) -> Failed {
    format!("{error:#}").into()
}

/// Sets the scene, asks, and compares.
async fn holds(stacks: &Stacks, place: Place, cell: &Cell) -> Result<()> {
    let scene = Scene::set(stacks, place, &cell.row).await?;
    scene.block(&cell.column).await?;
    let actor = scene.actor(&cell.column)?;
    scene.note(&cell.column, &actor).await?;
    let asked = Call::of_row(&cell.row, &scene, &actor)?;
    let outcome = asked.ask(&scene.chat, &actor).await?;
    let shows = outcome.text.contains(asked.sign());
    let is_success = outcome.code.is_none() && outcome.status < 400;
    let found = match outcome.code {
        Some(code) => format!("{} {code}", outcome.status),
        None if asked.reads() && is_success && !shows => format!("{} nothing", outcome.status),
        None => outcome.status.to_string(),
    };
    ensure!(
        found == cell.outcome,
        "{found} instead of {}: {}",
        cell.outcome,
        outcome.text
    );
    ensure!(
        is_success || !outcome.text.contains(&scene.said),
        "an error repeats the message"
    );
    Ok(())
}

/// The routes and actions that have a row, as the template and the description of the WebSocket name them.
fn named(cells: &[Cell]) -> BTreeSet<String> {
    let names = cells.iter().filter_map(|cell| cell.row.split('`').nth(1));
    let name = |name: &str| {
        let is_about_members = name.contains("/members") || name.contains("/block");
        let targets = ["/api/user/{id}", "/api/topic/{id}"];
        match targets.iter().find(|_| !is_about_members).and(Some(targets)) {
            Some([user, topic]) => name
                .replace(user, "/api/{target}/{id}")
                .replace(topic, "/api/{target}/{id}"),
            None => name.to_owned(),
        }
    };
    let names: BTreeSet<String> = names.map(name).collect();
    let members = |name: &String| name.replace("/members/me", "/members/{user}");
    names.iter().map(members).collect()
}

fn check_complete(described: &BTreeSet<String>) -> Result<()> {
    let template = local::template::read(&tests::root().join("template.yaml"), &BTreeMap::new())?;
    let routes = template
        .http
        .routes
        .into_iter()
        .filter_map(|route| route.method_and_path);
    let mut expected: BTreeSet<String> = routes.map(|(method, path)| format!("{method} {path}")).collect();
    let asyncapi = tests::description::asyncapi();
    let operations = asyncapi["operations"].as_object().context("operations")?;
    let actions = operations.iter().filter(|(_, operation)| operation["action"] == "send");
    expected.extend(actions.map(|(name, _)| name.clone()));
    expected.insert("$connect".to_owned());
    let missing: Vec<_> = expected.difference(described).collect();
    let unknown: Vec<_> = described.difference(&expected).collect();
    ensure!(missing.is_empty(), "no row of docs/access.md is about {missing:?}");
    ensure!(
        unknown.is_empty(),
        "docs/access.md has rows about what does not exist: {unknown:?}"
    );
    Ok(())
}
