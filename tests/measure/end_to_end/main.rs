//! Senna beside what a team would otherwise write: `cargo run --release -p tests --bin end-to-end`.
//!
//! The other chat is in `rival/`: Express, Socket.IO 4 with its Redis adapter, in two processes. This program starts it and the local stack, each on
//! a Redis of its own, and asks both in turns, so that a busy machine is equally unfair to both. Senna's side includes the local stack, which plays API
//! Gateway and Lambda: each push is a signed HTTP request through it.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod fan_out;
mod node;
mod requests;
mod side;

use anyhow::Result;
use clap::Parser;
use jsonwebtoken::Algorithm;
use tests::figure::{Axis, Figure, Series};
use tests::token::Signer;
use tests::{Chat, SECRET};

use crate::node::Rival;
use crate::side::Side;

const COMMAND: &str = "cargo run --release -p tests --bin end-to-end -- --save";
/// Recipients, and how many messages they get.
const FAN_OUT: [(usize, usize); 4] = [(1, 300), (10, 200), (100, 60), (1_000, 12)];

/// Senna beside a chat with Express, Socket.IO 4 and Redis.
#[derive(Parser)]
struct Arguments {
    /// Write what was measured to docs/figures.
    #[arg(long)]
    save: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if cfg!(debug_assertions) {
        println!("Built without --release: the ratios are those of unoptimised functions and an optimised rival.\n");
    }
    println!("building the functions and the local stack …");
    let chat = Chat::own(&[("SOCK_LOG", "error")]).await?;
    let rival = Rival::start()?;
    let ours = Side {
        name: "Senna",
        rest: vec![chat.rest_address()?.0.to_owned()],
        sockets: vec![chat.websocket_address()?.to_owned()],
        speaks_socket_io: false,
        redis: connection(&chat.stack().addresses.redis).await?,
        signer: Signer::secret(Algorithm::HS256, SECRET),
    };
    let theirs = Side {
        name: "Socket.IO",
        rest: rival.addresses.clone(),
        sockets: rival.addresses.clone(),
        speaks_socket_io: true,
        redis: connection(&rival.redis.url()).await?,
        signer: Signer::secret(Algorithm::HS256, SECRET),
    };
    let sides = [&ours, &theirs];
    let figures = [fan_out(sides).await?, requests(sides).await?];
    if arguments.save {
        for figure in figures {
            println!("saved {}", figure.save()?.display());
        }
    }
    Ok(())
}

async fn connection(url: &str) -> Result<redis::aio::MultiplexedConnection> {
    Ok(redis::Client::open(url)?.get_multiplexed_async_connection().await?)
}

async fn fan_out(sides: [&Side; 2]) -> Result<Figure> {
    println!("\nfrom the POST to each recipient's frame, in milliseconds");
    println!("recipients      Senna p50     p99    Socket.IO p50     p99    ratio p50     p99");
    let mut lines = Vec::new();
    for side in sides {
        for quantile in ["p50", "p99"] {
            lines.push(Series {
                name: format!("{} {quantile}", side.name),
                dashed: quantile == "p99",
                points: Vec::new(),
            });
        }
    }
    for (recipients, messages) in FAN_OUT {
        let [ours, theirs] = fan_out::measure(sides, recipients, messages).await?;
        println!(
            "{recipients:>10}{:>15.1}{:>8.1}{:>17.1}{:>8.1}{:>13.2}{:>8.2}",
            ours.p50,
            ours.p99,
            theirs.p50,
            theirs.p99,
            ours.p50 / theirs.p50,
            ours.p99 / theirs.p99
        );
        let values = [ours.p50, ours.p99, theirs.p50, theirs.p99];
        for (line, value) in lines.iter_mut().zip(values) {
            line.points.push((recipients as f64, value));
        }
    }
    Ok(Figure {
        name: "fan-out".to_owned(),
        title: "From the POST to the frame".to_owned(),
        command: COMMAND.to_owned(),
        note: "One machine for everything; Senna through the local stack, where each push is a signed request"
            .to_owned(),
        x: Axis::logarithmic("recipients of a message"),
        y: Axis::logarithmic("milliseconds"),
        series: lines,
    })
}

async fn requests(sides: [&Side; 2]) -> Result<Figure> {
    for side in sides {
        requests::prepare(side).await?;
    }
    println!(
        "\n16 clients        Senna: a second  p99 ms  Redis us    Express: a second  p99 ms  Redis us    ratio: a second    p99  Redis"
    );
    let mut names = Vec::new();
    let (mut ours_points, mut theirs_points) = (Vec::new(), Vec::new());
    for (at, kind) in requests::KINDS.iter().enumerate() {
        let [mut ours, mut theirs] = requests::measure(sides, kind).await?;
        println!(
            "{:<20}{:>13.0}{:>8.1}{:>10.0}{:>21.0}{:>8.1}{:>10.0}{:>19.2}{:>7.2}{:>7.2}",
            kind.name,
            ours.a_second(),
            ours.p99_ms(),
            ours.redis_us(),
            theirs.a_second(),
            theirs.p99_ms(),
            theirs.redis_us(),
            ours.a_second() / theirs.a_second(),
            ours.p99_ms() / theirs.p99_ms(),
            ours.redis_us() / theirs.redis_us()
        );
        names.push(kind.name.to_owned());
        ours_points.push((at as f64, ours.a_second() / theirs.a_second()));
        theirs_points.push((at as f64, 1.0));
    }
    Ok(Figure {
        name: "requests".to_owned(),
        title: "Requests a second, beside Express and Redis".to_owned(),
        command: COMMAND.to_owned(),
        note: "16 clients; two processes of Express; Senna through the local stack; Express is 1".to_owned(),
        x: Axis::categories(names),
        y: Axis::linear("times Express"),
        series: vec![
            Series::solid("Senna", ours_points),
            Series::solid("Express", theirs_points),
        ],
    })
}

/// The value below which this part of the values is; sorts them.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of values"
    )]
    let place = (values.len() as f64 * part) as usize;
    values
        .get(place.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}
