//! The tables of `docs/access.md`.

use anyhow::{Context as _, Result, ensure};

/// The answer that one caller gets.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// The heading above the table.
    pub(crate) section: String,
    /// The route or action.
    pub(crate) row: String,
    /// The caller.
    pub(crate) column: String,
    /// The status, and a code or `nothing`.
    pub(crate) outcome: String,
}

/// All cells of a page.
///
/// # Errors
/// When a table has a row with a cell too few or too many.
pub(crate) fn cells(page: &str) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    let mut section = "";
    let mut columns: Vec<&str> = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.trim();
        }
        let Some(row) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            columns.clear();
            continue;
        };
        let row: Vec<&str> = row.split('|').map(str::trim).collect();
        if columns.is_empty() {
            columns = row;
            continue;
        }
        ensure!(row.len() == columns.len(), "not as many cells as columns: {line}");
        if row.iter().all(|cell| cell.starts_with("---")) {
            continue;
        }
        let mut row = row.into_iter();
        let name = row.next().context("a row without a name")?;
        for (column, outcome) in columns.iter().skip(1).zip(row) {
            cells.push(Cell {
                section: section.to_owned(),
                row: name.to_owned(),
                column: (*column).to_owned(),
                outcome: outcome.replace('`', ""),
            });
        }
    }
    ensure!(!cells.is_empty(), "no tables");
    Ok(cells)
}
