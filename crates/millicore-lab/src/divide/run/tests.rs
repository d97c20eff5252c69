//! Short runs on the cores of this machine.

use super::{Outcome, run};
use crate::divide::{Plan, Report, Wishes, Work, predict};
use crate::machine::MachineState;
use crate::stop::Stop;
use millicore_quota::ProcessLimit;

fn plan(workload: &str, policies: &str) -> Plan {
    let wishes = Wishes {
        requests: "3".to_owned(),
        size: "2ms".to_owned(),
        policy: policies.to_owned(),
        repeat: "2".to_owned(),
        workload: workload.to_owned(),
        ..Wishes::default()
    };
    Plan::new(&wishes, &ProcessLimit::read()).unwrap()
}

/// Runs a plan, and stops it when so many rounds are done.
fn outcome(plan: &Plan, stop_after: usize) -> Outcome {
    let work = Work::calibrate(plan, &Stop::default()).unwrap().unwrap();
    let stop = Stop::default();
    let mut watch = |progress: super::Progress| {
        if progress.rounds_done == stop_after {
            stop.ask();
        }
    };
    run(plan, &work, &stop, &mut watch).unwrap()
}

#[test]
fn every_workload_runs_under_every_policy() {
    for workload in ["spin", "primes", "mandelbrot"] {
        let plan = plan(workload, "all");
        let outcome = outcome(&plan, usize::MAX);
        assert!(!outcome.was_stopped);
        assert_eq!(outcome.repeats.len(), 2);
        for round in outcome.repeats.iter().flatten() {
            assert_eq!(round.responses_ns.len(), 3, "{workload}");
            assert!(round.responses_ns.iter().all(|&ns| ns > 0), "{round:?}");
            assert!(round.cpu_ns.iter().all(|&ns| ns > 0), "{round:?}");
            let cores = plan.cores.get();
            assert!(
                round.timeline.iter().all(|stay| stay.core < cores),
                "{round:?}"
            );
        }
        let predictions = predict(&plan).unwrap();
        let report = Report::new(&plan, &predictions, MachineState::read(), outcome);
        let measured: Vec<_> = report.measurements.iter().map(|it| it.policy).collect();
        assert_eq!(measured, plan.policies);
    }
}

#[test]
fn a_run_that_is_stopped_has_its_finished_repeats() {
    let plan = plan("spin", "fifo,focus");
    for (stop_after, repeats) in [(0, 0), (1, 0), (2, 1), (3, 1)] {
        let outcome = outcome(&plan, stop_after);
        assert!(outcome.was_stopped, "stopped after {stop_after} rounds");
        assert_eq!(
            outcome.repeats.len(),
            repeats,
            "stopped after {stop_after} rounds"
        );
    }
}

#[test]
fn a_calibration_can_be_stopped() {
    for workload in ["spin", "primes", "mandelbrot"] {
        let stop = Stop::default();
        assert!(stop.ask(), "the first to ask");
        assert!(!stop.ask(), "not the first to ask");
        assert_eq!(
            Work::calibrate(&plan(workload, "fifo"), &stop).unwrap(),
            None
        );
    }
}
