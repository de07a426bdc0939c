//! The checks of the fuzz target `template` in `tests/fuzz`.

use super::Template;

/// Reads a template. An accepted template has a function for every route, and an error names a place in the text.
///
/// # Panics
/// If one of these rules is broken.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match super::parse(text) {
        Ok(template) => every_route_leads_somewhere(&template),
        Err(wrong) => {
            // All line breaks of YAML 1.1 count, and an error may be after the last one.
            let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
            let lines = text.matches(breaks).count() + 2;
            assert!((1..=lines).contains(&wrong.line), "{wrong} in a text of {lines} lines");
            assert!(wrong.column > 0 && !wrong.what.is_empty(), "{wrong}");
        }
    }
}

fn every_route_leads_somewhere(template: &Template) {
    let http = template.http.routes.iter().map(|route| &route.function);
    let websocket = template.websocket.iter().flat_map(|api| api.routes.values());
    let websocket = websocket.map(|route| &route.function);
    for function in http.chain(websocket) {
        assert!(template.functions.contains_key(function), "there is no {function}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_kept_templates_pass() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/template");
        let inputs: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(inputs.len() > 5, "{inputs:?}");
        for input in inputs {
            // If a check fails, the test's output ends with the input. Else it is not shown.
            println!("{}", input.display());
            super::template(&fs::read(input).unwrap());
        }
    }
}
