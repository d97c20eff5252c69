//! The simulator against one that shares nothing with it, chunk by chunk, on small random cases
//! that are full of ties.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod naive;

use cases::{any_case, setup_of, workload_of};
use naive::{Case, Start};
use proptest::prelude::*;

fn check(case: &Case) -> Result<(), TestCaseError> {
    let expected = naive::run(case);
    let mut starts: Vec<Start> = Vec::new();
    let schedule = millicore_sim::simulate_observed(&workload_of(case), &setup_of(case), |chunk| {
        starts.push((chunk.now_ns, chunk.core, chunk.id, chunk.cost_ns));
    });
    let schedule = schedule.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let differs = starts
        .iter()
        .zip(&expected.starts)
        .position(|(own, other)| own != other);
    prop_assert_eq!(
        &starts,
        &expected.starts,
        "from start number {:?} on",
        differs
    );
    prop_assert_eq!(
        schedule.makespan_ns(),
        expected.completions.iter().copied().flatten().max()
    );
    prop_assert_eq!(
        schedule.completions_ns().collect::<Vec<_>>(),
        expected.completions
    );
    prop_assert_eq!(schedule.chunks(), starts.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, ..ProptestConfig::default() })]

    #[test]
    fn both_simulators_start_the_same_chunks(case in any_case()) {
        check(&case)?;
    }
}
