//! The article's case and others, as text for people and programs.

use super::{Simulation, SimulationPlan, SimulationWishes};

fn wishes() -> SimulationWishes {
    SimulationWishes {
        rounds: "3".to_owned(),
        cores: None,
        one: None,
        slice: "4ms".to_owned(),
        overhead: "0".to_owned(),
    }
}

fn simulation(wishes: &SimulationWishes) -> Simulation {
    Simulation::new(SimulationPlan::new(wishes).unwrap()).unwrap()
}

#[test]
fn the_article_is_the_default() {
    let table = simulation(&wishes()).to_table();
    let expected = "\
3 rounds of doubling processes on 6 cores, 9.6s for one alone: simulated

round  processes  perfect s   whole  fair/one    fifo  article
    0          1      9.600   9.600     9.600   9.600    9.600
    1          2      9.600   9.600     9.600   9.600   10.080
    2          4      9.600   9.600     9.600   9.600    9.560
    3          8     12.800  19.200    12.800  19.200   13.970

Round 3: 8 processes take 12.8s if they share the cores perfectly and 19.2s in
whole rounds. A fair scheduler with slices of 4ms and no overhead takes 12.8s.

The article measured 13.97s, 18.3 % of the way from the one to the other and
9.1 % longer than perfect sharing, as if each slice of 4ms had an overhead of
365.6us.
";
    assert_eq!(table, expected, "\n{table}");
}

#[test]
fn the_overhead_that_explains_the_article_predicts_it() {
    let with_overhead = SimulationWishes {
        overhead: "365625ns".to_owned(),
        ..wishes()
    };
    let simulation = simulation(&with_overhead);
    // 365.625 us of 4 ms are 13.97 s of 12.8 s.
    assert_eq!(simulation.rounds[3].prediction.fair_ns, 13_970_000_000);
    let text = simulation.to_table().replace('\n', " ");
    assert!(text.contains("each 365.6us longer"), "{text}");
}

#[test]
fn csv_and_json_have_a_row_for_each_round() {
    let csv = simulation(&wishes()).to_csv();
    let expected = "\
round,processes,perfect_sharing_s,whole_rounds_s,fair_s,fifo_s,article_s
0,1,9.600000000,9.600000000,9.600000000,9.600000000,9.600000000
1,2,9.600000000,9.600000000,9.600000000,9.600000000,10.080000000
2,4,9.600000000,9.600000000,9.600000000,9.600000000,9.560000000
3,8,12.800000000,19.200000000,12.800000000,19.200000000,13.970000000
";
    assert_eq!(csv, expected);
    let json = simulation(&wishes()).to_json().unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["schema"], &json["simulated"]),
        (&1.into(), &true.into())
    );
    assert_eq!(json["rounds"][3]["perfect_sharing_s"], 12.8);
    assert_eq!(json["rounds"][3]["whole_rounds_s"], 19.2);
    assert_eq!(json["article"]["duration_s"][3], 13.97);
}

/// Any other case says nothing of the article.
#[track_caller]
fn check_other(change: impl FnOnce(&mut SimulationWishes)) {
    let mut wishes = wishes();
    change(&mut wishes);
    let simulation = simulation(&wishes);
    assert_eq!(simulation.article, None);
    assert!(!simulation.to_table().contains("article"));
    assert!(
        simulation
            .to_csv()
            .lines()
            .skip(1)
            .all(|row| row.ends_with(','))
    );
}

#[test]
fn another_case_is_not_the_article() {
    check_other(|wishes| wishes.rounds = "2".to_owned());
    check_other(|wishes| wishes.cores = Some("2".to_owned()));
    check_other(|wishes| wishes.one = Some("9.5s".to_owned()));
}

#[test]
fn what_cannot_be_is_refused() {
    let check = |change: fn(&mut SimulationWishes), expected: &str| {
        let mut wishes = wishes();
        change(&mut wishes);
        let refusal = SimulationPlan::new(&wishes).map_err(|error| error.to_string());
        assert_eq!(refusal, Err(expected.to_owned()));
    };
    check(
        |wishes| wishes.cores = Some("0".to_owned()),
        "--cores 0: give a whole number from 1 to 1000000",
    );
    check(
        |wishes| wishes.one = Some("601s".to_owned()),
        "--one 601s: give 1ms to 600s",
    );
    check(
        |wishes| wishes.rounds = "7".to_owned(),
        "--rounds 7: give a whole number from 1 to 6",
    );
}
