//! What was measured, printed as rows and kept as figures. They have the shape of `tests/src/figure.rs`, which the core's crates do not know.

use std::fs;

use serde_json::{Value, json};

use crate::{COMMAND, Error};

/// Rows of values, one value for each size.
pub(crate) struct Lines {
    sizes: Vec<u64>,
    rows: Vec<(String, Vec<f64>)>,
}

impl Lines {
    pub(crate) fn of_sizes(sizes: impl Iterator<Item = u64>) -> Self {
        let sizes: Vec<u64> = sizes.collect();
        Self {
            sizes,
            rows: Vec::new(),
        }
    }

    /// Prints what an operation costs at each size, and keeps the ratios to the smallest one.
    pub(crate) fn add(&mut self, name: &str, costs: &[f64]) {
        let smallest = costs.first().copied().unwrap_or(f64::NAN);
        let ratios: Vec<f64> = costs.iter().map(|cost| cost / smallest).collect();
        let cells = self.sizes.iter().zip(costs.iter().zip(&ratios));
        let cells = cells.map(|(size, (cost, ratio))| format!("{size:>9}: {cost:>6.1} us {ratio:>5.2} x"));
        println!("{name:<26}{}", cells.collect::<Vec<_>>().join("  "));
        self.rows.push((name.to_owned(), ratios));
    }

    pub(crate) fn add_values(&mut self, name: &str, values: Vec<f64>) {
        self.rows.push((name.to_owned(), values));
    }

    pub(crate) fn figure(self, name: &str, title: &str, x: &str) -> Figure {
        self.drawn(
            name,
            title,
            &json!({"label": x, "logarithmic": true}),
            &json!({"label": "times the smallest size", "logarithmic": true}),
        )
    }

    pub(crate) fn figure_of(self, name: &str, title: &str, x: &str, y: &str) -> Figure {
        self.drawn(
            name,
            title,
            &json!({"label": x, "logarithmic": true}),
            &json!({"label": y, "logarithmic": true}),
        )
    }

    fn drawn(self, name: &str, title: &str, x: &Value, y: &Value) -> Figure {
        let points = |values: Vec<f64>| self.sizes.iter().copied().zip(values).collect::<Vec<_>>();
        let series = self
            .rows
            .iter()
            .map(|(name, values)| json!({"name": name, "points": points(values.clone())}));
        Figure {
            name: name.to_owned(),
            json: json!({
                "name": name,
                "title": title,
                "command": COMMAND,
                "note": "processor time of the main thread of one Redis on this machine",
                "x": x,
                "y": y,
                "series": series.collect::<Vec<_>>(),
            }),
        }
    }
}

/// What a picture is drawn from.
pub(crate) struct Figure {
    name: String,
    json: Value,
}

impl Figure {
    pub(crate) fn save(&self) -> Result<String, Error> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/figures");
        fs::create_dir_all(folder)?;
        let file = format!("{folder}/{}.json", self.name);
        fs::write(&file, serde_json::to_string_pretty(&self.json)? + "\n")?;
        Ok(file)
    }
}
