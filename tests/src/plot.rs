//! Draws a [`Figure`] as SVG. The same figure gives the same bytes, so that a test can tell whether a picture is up to date.

use std::fmt::Write as _;

use crate::figure::{Axis, Figure, Series};

/// The size of a picture, in pixels.
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 420.0;
/// The area of the plot: from the left, from the top, to the right, to the bottom.
const AREA: [f64; 4] = [70.0, 52.0, 640.0, 350.0];
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', sans-serif";

/// Colors for one scheme of the reader's page.
#[derive(Debug)]
pub struct Scheme {
    /// `light` or `dark`, as in the file's name.
    pub name: &'static str,
    paper: &'static str,
    ink: &'static str,
    quiet: &'static str,
    grid: &'static str,
    /// Of the series in turn. They differ in lightness too, for readers who tell few colors apart (Okabe and Ito, "Color Universal Design").
    colors: [&'static str; 9],
}

/// For a light page.
pub const LIGHT: Scheme = Scheme {
    name: "light",
    paper: "#ffffff",
    ink: "#1f2328",
    quiet: "#59636e",
    grid: "#d8dee4",
    colors: [
        "#0072b2", "#d55e00", "#009e73", "#8c4a7f", "#7a6000", "#4d5763", "#b00058", "#00757a", "#5a3fb0",
    ],
};

/// For a dark page.
pub const DARK: Scheme = Scheme {
    name: "dark",
    paper: "#0d1117",
    ink: "#f0f6fc",
    quiet: "#9198a1",
    grid: "#30363d",
    colors: [
        "#56b4e9", "#e69f00", "#2fc99a", "#e29ac8", "#f0e442", "#aab4c0", "#ff7aa8", "#5fdfe4", "#b39dff",
    ],
};

/// The picture.
pub fn draw(figure: &Figure, scheme: &Scheme) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"{FONT}\" font-size=\"12\">\n"
    );
    push(&mut svg, &format!("<title>{}</title>", escaped(&figure.title)));
    push(
        &mut svg,
        &format!(
            "<desc>{} Measured by: {}</desc>",
            escaped(&figure.note),
            escaped(&figure.command)
        ),
    );
    push(
        &mut svg,
        &format!(
            "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{}\"/>",
            scheme.paper
        ),
    );
    text(
        &mut svg,
        (AREA[0], 26.0),
        &figure.title,
        "start",
        scheme.ink,
        " font-size=\"16\" font-weight=\"600\"",
    );
    let bars = !figure.x.categories.is_empty();
    let values = |pick: fn(&(f64, f64)) -> f64| {
        let points = figure.series.iter().flat_map(|series| &series.points);
        points.map(pick).filter(|value| value.is_finite()).collect::<Vec<_>>()
    };
    let across = if bars {
        None
    } else {
        Some(Scale::new(&figure.x, &values(|point| point.0), false, AREA[0], AREA[2]))
    };
    let up = Scale::new(&figure.y, &values(|point| point.1), true, AREA[3], AREA[1]);
    for tick in up.ticks() {
        let y = up.place(tick);
        line(&mut svg, [AREA[0], y, AREA[2], y], scheme.grid);
        text(
            &mut svg,
            (AREA[0] - 8.0, y + 4.0),
            &number(tick),
            "end",
            scheme.quiet,
            "",
        );
    }
    text(
        &mut svg,
        (AREA[0], AREA[1] - 8.0),
        &figure.y.label,
        "start",
        scheme.quiet,
        "",
    );
    match &across {
        Some(across) => {
            for tick in across.ticks() {
                text(
                    &mut svg,
                    (across.place(tick), AREA[3] + 18.0),
                    &number(tick),
                    "middle",
                    scheme.quiet,
                    "",
                );
            }
            for (series, color) in figure.series.iter().zip(colors(figure, scheme)) {
                draw_line(&mut svg, series, across, &up, color);
            }
        }
        None => draw_bars(&mut svg, figure, &up, scheme),
    }
    line(&mut svg, [AREA[0], AREA[3], AREA[2], AREA[3]], scheme.quiet);
    text(
        &mut svg,
        (f64::midpoint(AREA[0], AREA[2]), AREA[3] + 36.0),
        &figure.x.label,
        "middle",
        scheme.quiet,
        "",
    );
    for ((series, color), at) in figure.series.iter().zip(colors(figure, scheme)).zip(0_u32..) {
        let y = AREA[1] + 8.0 + f64::from(at) * 20.0;
        let dashes = if series.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        push(
            &mut svg,
            &format!(
                "<path d=\"M{} {y}h18\" stroke=\"{color}\" stroke-width=\"3\"{dashes}/>",
                AREA[2] + 12.0
            ),
        );
        text(
            &mut svg,
            (AREA[2] + 36.0, y + 4.0),
            &series.name,
            "start",
            scheme.ink,
            "",
        );
    }
    text(
        &mut svg,
        (AREA[0], HEIGHT - 10.0),
        &figure.note,
        "start",
        scheme.quiet,
        " font-size=\"11\"",
    );
    svg.push_str("</svg>\n");
    svg
}

/// A dashed line has the color of the line before it, whose other value it shows.
fn colors<'a>(figure: &Figure, scheme: &'a Scheme) -> Vec<&'a str> {
    let mut turn = scheme.colors.iter().cycle();
    let mut last = scheme.ink;
    let color = |series: &Series| {
        if !series.dashed {
            last = turn.next().copied().unwrap_or(scheme.ink);
        }
        last
    };
    figure.series.iter().map(color).collect()
}

fn draw_line(svg: &mut String, series: &Series, across: &Scale, up: &Scale, color: &str) {
    let points = series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
    let places: Vec<(f64, f64)> = points.map(|(x, y)| (across.place(*x), up.place(*y))).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let dashes = if series.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
    push(
        svg,
        &format!(
            "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"{dashes}/>",
            path.join("L")
        ),
    );
    for (x, y) in places {
        push(
            svg,
            &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>"),
        );
    }
}

fn draw_bars(svg: &mut String, figure: &Figure, up: &Scale, scheme: &Scheme) {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let group = (AREA[2] - AREA[0]) / count(figure.x.categories.len());
    let bar = (group * 0.8 / count(figure.series.len())).min(46.0);
    for (name, at) in figure.x.categories.iter().zip(0_u32..) {
        let middle = AREA[0] + group * (f64::from(at) + 0.5);
        text(svg, (middle, AREA[3] + 18.0), name, "middle", scheme.quiet, "");
        for ((series, color), turn) in figure.series.iter().zip(colors(figure, scheme)).zip(0_u32..) {
            let found = series.points.iter().find(|(x, _)| (x - f64::from(at)).abs() < 0.5);
            let Some((_, value)) = found.filter(|(_, value)| value.is_finite()) else {
                continue;
            };
            let left = middle + bar * (f64::from(turn) - count(figure.series.len()) / 2.0);
            let top = up.place(*value);
            push(
                svg,
                &format!(
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\"/>",
                    bar - 2.0,
                    AREA[3] - top
                ),
            );
            text(
                svg,
                (left + bar / 2.0 - 1.0, top - 4.0),
                &number(*value),
                "middle",
                scheme.ink,
                " font-size=\"11\"",
            );
        }
    }
}

/// Numbers to places on the paper.
struct Scale {
    logarithmic: bool,
    from: f64,
    to: f64,
    step: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// `from_zero` lets a linear axis begin at zero.
    fn new(axis: &Axis, values: &[f64], from_zero: bool, start: f64, end: f64) -> Self {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (least, most) = if least.is_finite() { (least, most) } else { (0.0, 1.0) };
        let (from, to, step) = if axis.logarithmic {
            let (from, to) = (least.max(1e-9).log10().floor(), most.max(1e-9).log10().ceil());
            (from, to.max(from + 1.0), 1.0)
        } else {
            let from = if from_zero { least.min(0.0) } else { least };
            let step = round_step((most - from).max(1e-9) / 5.0);
            ((from / step).floor() * step, (most / step).ceil() * step, step)
        };
        Self {
            logarithmic: axis.logarithmic,
            from,
            to,
            step,
            start,
            end,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(1e-9).log10()
        } else {
            value
        };
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    fn ticks(&self) -> Vec<f64> {
        let places = (0_u32..).map(|at| self.from + f64::from(at) * self.step);
        let places = places.take_while(|place| *place <= self.to + self.step / 1e6);
        places
            .map(|place| if self.logarithmic { 10_f64.powf(place) } else { place })
            .collect()
    }
}

/// 1, 2 or 5 times a power of ten, not smaller than this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps
        .into_iter()
        .find(|step| *step >= least * 0.999)
        .unwrap_or(10.0 * power)
}

/// As a reader writes it: `0.5`, `12`, `1,000`, `10M`.
fn number(value: f64) -> String {
    let rounded = |value: f64| {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match value.abs() {
        size if size >= 1e6 => format!("{}M", rounded(value / 1e6)),
        size if size >= 1e3 => {
            let whole = format!("{value:.0}");
            let cut = whole.len().saturating_sub(3);
            whole
                .split_at_checked(cut)
                .map_or_else(|| whole.clone(), |(thousands, rest)| format!("{thousands},{rest}"))
        }
        size if size >= 10.0 => format!("{value:.0}"),
        _ => rounded(value),
    }
}

fn push(svg: &mut String, element: &str) {
    svg.push_str(element);
    svg.push('\n');
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], color: &str) {
    push(
        svg,
        &format!("<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{color}\"/>"),
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), words: &str, anchor: &str, color: &str, more: &str) {
    // Writing to a string does not fail.
    writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{color}\"{more}>{}</text>",
        escaped(words)
    )
    .ok();
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        let shown = |values: &[f64]| {
            values
                .iter()
                .fold(String::new(), |text, value| text + &format!("{value:.1} "))
        };
        let linear = Scale::new(&Axis::linear(""), &[3.0, 47.0], true, 100.0, 0.0);
        assert_eq!(shown(&linear.ticks()), "0.0 10.0 20.0 30.0 40.0 50.0 ");
        assert_eq!(
            shown(&[0.0, 25.0, 50.0].map(|value| linear.place(value))),
            "100.0 50.0 0.0 "
        );
        let powers = Scale::new(&Axis::logarithmic(""), &[3.0, 470.0], true, 0.0, 300.0);
        assert_eq!(shown(&powers.ticks()), "1.0 10.0 100.0 1000.0 ");
        assert_eq!(shown(&[powers.place(100.0)]), "200.0 ");
    }

    #[test]
    fn numbers_are_written_as_readers_write_them() {
        let shown = [0.0, 0.25, 1.5, 12.4, 1_000.0, 250_000.0, 1e7].map(number);
        assert_eq!(shown, ["0", "0.25", "1.5", "12", "1,000", "250,000", "10M"]);
    }

    #[test]
    fn a_dashed_line_has_the_color_of_the_line_before() {
        let mut dashed = Series::solid("b", Vec::new());
        dashed.dashed = true;
        let figure = Figure {
            name: String::new(),
            title: "1 < 2".to_owned(),
            command: String::new(),
            note: String::new(),
            x: Axis::linear(""),
            y: Axis::linear(""),
            series: vec![Series::solid("a", Vec::new()), dashed, Series::solid("c", Vec::new())],
        };
        let [first, second, ..] = LIGHT.colors;
        assert_eq!(colors(&figure, &LIGHT), [first, first, second]);
        assert!(draw(&figure, &DARK).contains("<title>1 &lt; 2</title>"));
    }
}
