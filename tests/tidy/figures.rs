//! Pictures in the docs.

use tests::figure::Figure;
use tests::plot::{DARK, LIGHT, draw};

use crate::support::read;

#[test]
fn pictures_are_what_was_measured() {
    let figures = Figure::all().unwrap();
    assert!(!figures.is_empty());
    for figure in figures {
        for scheme in [&LIGHT, &DARK] {
            let file = format!("docs/figures/{}-{}.svg", figure.name, scheme.name);
            assert!(
                read(&file) == draw(&figure, scheme),
                "{file} is another picture: run `cargo run -p tests --bin plots`"
            );
        }
    }
}
