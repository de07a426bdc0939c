//! No circle of imports between the rooms of `local/src`, nor between its files.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{files, read};

/// What each module imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// `local/src/gateway/http/mod.rs` is `gateway::http`.
fn module(path: &str) -> String {
    let path = path.trim_start_matches("local/src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").replace('/', "::")
}

/// The paths of a `use`: `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn paths(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let (inside, _) = rest.rsplit_once('}').unwrap();
    let mut depth = 0;
    let items = inside.split(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        character == ',' && depth == 0
    });
    let items = items.filter(|item| !item.trim().is_empty()).flat_map(paths);
    items.map(|path| format!("{}{path}", prefix.trim())).collect()
}

/// The module to which a path leads, as seen from `own`. Code of other crates leads to none.
fn target(own: &str, path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut from: Vec<&str> = own.split("::").collect();
    let mut rest: Vec<&str> = path.split("::").collect();
    match rest.first() {
        Some(&"crate") => {
            from.clear();
            rest.remove(0);
        }
        Some(&"super") => {
            while rest.first() == Some(&"super") {
                from.pop();
                rest.remove(0);
            }
        }
        Some(child) if modules.contains(&format!("{own}::{child}")) => {}
        _ => return None,
    }
    from.extend(rest);
    let known = (1..=from.len()).rev().map(|length| from[..length].join("::"));
    known.into_iter().find(|module| modules.contains(module))
}

fn imports() -> Graph {
    let files = files(&["local/src"], "rs");
    let modules: BTreeSet<String> = files.iter().map(|path| module(path)).collect();
    let imports_of = |path: &String| {
        let text = read(path);
        let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join(" ");
        let uses = code.split(';').filter_map(|statement| {
            let statement = statement.trim();
            statement.strip_prefix("pub ").unwrap_or(statement).strip_prefix("use ")
        });
        let inline = code.split("crate::").skip(1).filter_map(|rest| {
            let path = rest.split(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).next();
            path.map(|path| format!("crate::{path}"))
        });
        let own = module(path);
        let named = uses.flat_map(paths).chain(inline);
        let mut targets: BTreeSet<String> = named.filter_map(|path| target(&own, &path, &modules)).collect();
        targets.remove(&own);
        (own, targets)
    };
    files.iter().map(imports_of).collect()
}

/// What is left when all modules are taken away that import nothing, again and again: the circles and what needs them.
fn circles(mut graph: Graph) -> Graph {
    loop {
        let free: BTreeSet<String> = graph.keys().cloned().collect();
        let before = graph.len();
        for targets in graph.values_mut() {
            targets.retain(|target| free.contains(target));
        }
        graph.retain(|_, targets| !targets.is_empty());
        if graph.len() == before {
            return graph;
        }
    }
}

#[test]
fn the_files_of_the_local_stack_import_each_other_in_no_circle() {
    let imports = imports();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 100, "{imports:#?}");
    assert_eq!(circles(imports), Graph::new());
}

#[test]
fn the_rooms_of_the_local_stack_import_each_other_in_no_circle() {
    let room = |module: &str| module.split("::").next().unwrap().to_owned();
    let mut rooms = Graph::new();
    for (module, targets) in imports() {
        let own = room(&module);
        let others = targets.iter().map(|target| room(target));
        let others: Vec<String> = others.filter(|other| *other != own).collect();
        rooms.entry(own).or_default().extend(others);
    }
    assert!(rooms["stack"].contains("gateway"), "{rooms:#?}");
    assert_eq!(circles(rooms), Graph::new());
}

#[test]
fn a_circle_is_found() {
    let graph = |edges: &[(&str, &str)]| -> Graph {
        let edge = |(from, to): &(&str, &str)| ((*from).to_owned(), BTreeSet::from([(*to).to_owned()]));
        edges.iter().map(edge).collect()
    };
    assert_eq!(circles(graph(&[("a", "b"), ("b", "c")])), Graph::new());
    let found = circles(graph(&[("a", "b"), ("b", "c"), ("c", "b"), ("d", "e")]));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}
