//! What Senna needs and costs with a thousand to ten million users, and what others would cost for the same: `cargo run -p tests --bin simulate`.
//!
//! A seeded model makes the traffic ([`habits`]); measurements and some assumptions say what each operation takes ([`bill`]); price lists say what that costs
//! ([`prices`]). Nothing here was paid: it is arithmetic, and each assumption stands beside its number.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

mod bill;
mod habits;
mod prices;

use anyhow::Result;
use clap::Parser;
use tests::figure::{Axis, Figure, Series};

use crate::bill::{Bill, others};
use crate::habits::{Habits, Month};

/// What Senna needs and costs at a size, by a simulation.
#[derive(Parser)]
struct Arguments {
    /// The same seed gives the same month.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long messages are kept, in days.
    #[arg(long, default_value_t = 365.0)]
    retention_days: f64,
    /// Messages that an active user sends in a day.
    #[arg(long, default_value_t = 12.0)]
    messages_a_day: f64,
    /// Write what was found to docs/figures.
    #[arg(long)]
    save: bool,
}

const USERS: [f64; 5] = [1e3, 1e4, 1e5, 1e6, 1e7];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let habits = Habits {
        messages_a_day: arguments.messages_a_day,
        retention_days: arguments.retention_days,
        ..Habits::default()
    };
    println!("{habits:#?}\n");
    let mut lines: Vec<Series> = Vec::new();
    for users in USERS {
        let month = Month::simulate(&habits, users, arguments.seed);
        let bill = Bill::of(&month);
        println!("== {users:.0} users: {}", month.summary());
        for (need, value) in bill.needs() {
            println!("  {need:<50}{value}");
        }
        for (item, dollars) in bill.items() {
            println!("  {item:<50}${dollars:>12.2}");
        }
        println!("  {:<50}${:>12.2} a month", "Senna, all together", bill.total());
        println!(
            "  the largest part: {}; the first wall: {}",
            bill.largest(),
            bill.first_wall()
        );
        add(&mut lines, "Senna", users, Some(bill.total()));
        for (name, dollars) in others(&month) {
            match dollars {
                Some(dollars) => println!("  {name:<50}${dollars:>12.2} a month"),
                None => println!("  {name:<50}   no list price for so many users"),
            }
            add(&mut lines, name, users, dollars);
        }
        println!();
    }
    println!("{}", prices::SOURCES);
    if arguments.save {
        let figure = Figure {
            name: "cost".to_owned(),
            title: "Dollars a month, by a simulation".to_owned(),
            command: "cargo run -p tests --bin simulate -- --save".to_owned(),
            note: "Prices were read and not paid; those of Stream and Sendbird are remembered, not read again. A line ends where its list does.".to_owned(),
            x: Axis::logarithmic("users who are active in a month"),
            y: Axis::logarithmic("dollars a month"),
            series: lines,
        };
        println!("saved {}", figure.save()?.display());
    }
    Ok(())
}

fn add(lines: &mut Vec<Series>, name: &str, users: f64, dollars: Option<f64>) {
    let Some(dollars) = dollars else { return };
    match lines.iter_mut().find(|line| line.name == name) {
        Some(line) => line.points.push((users, dollars)),
        None => lines.push(Series::solid(name, vec![(users, dollars)])),
    }
}

#[cfg(test)]
mod rules {
    use super::*;

    fn total(users: f64, seed: u64) -> f64 {
        Bill::of(&Month::simulate(&Habits::default(), users, seed)).total()
    }

    #[test]
    fn the_same_seed_costs_the_same_and_more_users_cost_more() {
        assert_eq!(total(1e5, 7).to_bits(), total(1e5, 7).to_bits());
        assert_ne!(total(1e5, 7).to_bits(), total(1e5, 8).to_bits());
        assert!(USERS.windows(2).all(|pair| total(pair[0], 7) < total(pair[1], 7)));
    }

    #[test]
    fn a_small_site_meets_no_wall_and_a_huge_one_names_its_first() {
        let wall = |users| Bill::of(&Month::simulate(&Habits::default(), users, 1)).first_wall();
        assert!(wall(1e3).starts_with("none"), "{}", wall(1e3));
        assert!(wall(1e8).starts_with("API Gateway's quota"), "{}", wall(1e8));
    }

    #[test]
    fn a_line_ends_where_a_price_list_ends() {
        let month = Month::simulate(&Habits::default(), 1e7, 1);
        assert!(others(&month).iter().any(|(_, dollars)| dollars.is_none()));
    }
}
