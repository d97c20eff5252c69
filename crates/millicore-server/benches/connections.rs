//! Requests per second of `threads` and `forks`, a connection each, beside the least that does it
//! and beside CPython's `socketserver`.
//!
//! Every contestant is a process of its own that echoes a line and closes. Eight client threads
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

use contestants::Contestant;
use load::Round;
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
    println!("Requests per second, one connection each, eight clients");
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
    let contestants = ["millicore", "bare", "python"].map(|who| Contestant::start(who, model));
    // The first round is for warming up.
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); contestants.len()];
    let mut before = Vec::new();
    for round in 0..=ROUNDS {
        for (Contestant { running, .. }, rounds) in contestants.iter().zip(&mut rounds) {
            if let Some(server) = running {
                rounds.push(load::round(server.port()));
            }
        }
        if round == 0 {
            before = contestants.iter().map(Contestant::holds).collect();
            rounds.iter_mut().for_each(Vec::clear);
        }
    }
    let mut table = Table::new([
        model,
        "requests/s",
        "CPU us each",
        "ours to it",
        "least",
        "most",
        "bar",
        "",
        "descriptors",
        "children",
        "KiB",
    ]);
    for ((contestant, its), before) in contestants.iter().zip(&rounds).zip(&before) {
        let (Some(before), Some(after)) = (before, contestant.holds()) else {
            table.row([contestant.who.to_owned(), "not here".to_owned()]);
            continue;
        };
        let requests = its.iter().map(|round| round.requests).sum();
        let rates: Vec<f64> = its.iter().map(|round| round.per_second).collect();
        let mut row = vec![
            contestant.who.to_owned(),
            format!("{:.0}", spread(&rates)[1]),
            after.cpu_each(before, requests),
        ];
        row.extend(against_bar(contestant.who, &rounds[0], its));
        row.extend(after.grown_since(before));
        table.row(row);
    }
    println!("\n{ROUNDS} rounds; the last three columns say what grew meanwhile\n{table}");
}

fn against_bar(who: &str, ours: &[Round], its: &[Round]) -> [String; 5] {
    let bar = match who {
        "bare" => OF_BARE,
        "python" => OF_PYTHON,
        _ => return [const { String::new() }; 5],
    };
    let pairs = ours.iter().zip(its);
    let ratios: Vec<f64> = pairs.map(|(a, b)| a.per_second / b.per_second).collect();
    let [least, middle, most] = spread(&ratios);
    let verdict = if middle >= bar { "holds" } else { "MISSED" };
    [
        format!("{middle:.2}"),
        format!("{least:.2}"),
        format!("{most:.2}"),
        format!(">= {bar}"),
        verdict.to_owned(),
    ]
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
