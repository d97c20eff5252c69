//! Requests per second of `threads` and `forks`, a connection each, beside the least that does it
//! and beside CPython's `socketserver`.
//!
//! Every contestant is a process of its own that echoes a line and closes. Two client threads
//! connect, write, read to the end and close, again and again, first with one contestant, then with
//! the next; a ratio is of two rounds that follow each other. The bare loop is accept, a thread or a
//! fork, read, write, close: the limit here.
//!
//! ```console
//! $ cargo bench -p millicore-server --bench connections
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark tells its figures to a person, and stops where it cannot go on"
)]

#[path = "connections/contestants.rs"]
mod contestants;
#[path = "connections/load.rs"]
mod load;
#[path = "../../millicore/benches/measure/machine.rs"]
mod machine;
#[path = "../../millicore/benches/measure/table.rs"]
mod table;

use contestants::{Contestant, Running};
use machine::Moment;
use table::Table;

const ROUNDS: usize = 15;

/// What is asked for, of the bare loop's and of CPython's requests per second.
const OF_BARE: f64 = 0.85;
const OF_PYTHON: f64 = 4.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = &arguments[..]
        && flag == "--serve"
    {
        contestants::serve(name);
        return;
    }
    println!("Requests per second, one connection each, two clients");
    println!(
        "{}; {}",
        machine::description(),
        contestants::python_version()
    );
    let opened = Moment::now();
    compare("threads");
    compare("forks");
    println!("{} (the servers are other processes)", opened.until_now());
}

fn compare(model: &str) {
    let contestants = ["millicore", "bare", "python"];
    let contestants = contestants.map(|who| Contestant::start(who, model));
    let running: Vec<&Running> = contestants
        .iter()
        .filter_map(|contestant| contestant.running.as_ref())
        .collect();
    for server in &running {
        load::round(server.port());
    }
    let before: Vec<_> = running.iter().map(|server| server.holds()).collect();
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); running.len()];
    for _ in 0..ROUNDS {
        for (server, rates) in running.iter().zip(&mut rates) {
            rates.push(load::round(server.port()));
        }
    }
    let mut table = Table::new([
        model,
        "requests/s",
        "ours to it",
        "least",
        "most",
        "bar",
        "",
        "descriptors",
        "children",
        "KiB",
    ]);
    for ((contestant, rates_of_it), before) in contestants.iter().zip(&rates).zip(&before) {
        let ours = &rates[0];
        let ratios: Vec<f64> = ours.iter().zip(rates_of_it).map(|(a, b)| a / b).collect();
        let after = contestant.running.as_ref().map(Running::holds);
        let [least, middle, most] = spread(&ratios);
        let bar = match contestant.who {
            "bare" => Some(OF_BARE),
            "python" => Some(OF_PYTHON),
            _ => None,
        };
        let mut row = vec![
            contestant.who.to_owned(),
            format!("{:.0}", spread(rates_of_it)[1]),
        ];
        row.extend(match bar {
            None => vec![String::new(); 5],
            Some(bar) => vec![
                format!("{middle:.2}"),
                format!("{least:.2}"),
                format!("{most:.2}"),
                format!(">= {bar}"),
                if middle >= bar { "holds" } else { "MISSED" }.to_owned(),
            ],
        });
        row.extend(
            after
                .map(|after| after.grown_since(before))
                .into_iter()
                .flatten(),
        );
        table.row(row);
    }
    println!("\n{ROUNDS} rounds; the last three columns say what grew meanwhile\n{table}");
}

/// The least, the median and the most.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    [
        at(0),
        at(sorted.len() / 2),
        at(sorted.len().saturating_sub(1)),
    ]
}
